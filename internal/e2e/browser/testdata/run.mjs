// Reads what the test hands over, runs one scenario, and writes what it found.
import { pathToFileURL } from "node:url";
import path from "node:path";
import { World } from "./lib.mjs";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const input = JSON.parse(Buffer.concat(chunks).toString());
const world = await World.open(input);
try {
  const scenario = await import(pathToFileURL(path.join(import.meta.dirname, `${input.scenario}.mjs`)));
  await scenario.default(world);
} catch (e) {
  world.check("the scenario runs to its end", [String(e?.stack ?? e)]);
} finally {
  await world.close();
}
if (world.heaviest) console.error(`the heaviest page, without fonts: ${world.heaviest} bytes`);
process.stdout.write(JSON.stringify(world.results));
