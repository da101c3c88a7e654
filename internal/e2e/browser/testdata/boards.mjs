// The pages of the watch, of auditors and of custodians.
import { admin, inEach, look, ways } from "./pages.mjs";

const officer = { login: "watch", name: "Nour Saleh", password: "seven quiet lamps at sea" };
const roles = ["approver", "duty-officer", "key-custodian", "national-auditor"];

export default async function (world) {
  const { origin, setup } = world.desks.QM;
  const page = await world.visit();
  await world.takeUp(page, setup, admin);
  await world.invite(page, origin, admin, officer, roles);
  const watch = await world.visit();
  await world.takeUp(watch, officer.link, officer);
  for (const path of ["/watch", "/log", "/directory", "/directory/QM.24-7", "/keys", "/rota"]) {
    for (const [lang, width] of ways) {
      if (path !== "/watch" && (lang === "ar-XB" || width === 1280 && lang === "en")) continue;
      await look(world, watch, path, lang, width, officer);
    }
  }
  await rotate(world, watch, origin);
  await revoke(world, watch, origin);
  await alarm(world, watch, origin);
  await schemes(world, watch, origin);
  await without(world, origin);
}

// alarm raises a drill: the board of another window shows it by itself, sounds once
// somebody has asked for that, and falls silent when it is acknowledged.
async function alarm(world, page, origin) {
  const board = await page.context().newPage();
  board.wrong = [];
  await board.goto(`${origin}/watch`);
  await board.click("button[data-sound]");
  world.expect("the sound is on", await board.getAttribute("button[data-sound]", "aria-pressed") === "true");
  await page.goto(`${origin}/watch`);
  await world.follow(page, "form[action='/watch/drill'] button");
  await board.locator("[data-alarm]").waitFor();
  world.expect("the sound stays on", await board.getAttribute("button[data-sound]", "aria-pressed") === "true");
  for (const [lang, width] of [["ar", 1280], ["en", 1280], ["zh-Hans", 1280], ["en", 390]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${origin}/watch?lang=${lang}`);
    world.check(`alarm ${lang} ${width}`, [...await world.axe(page), ...await world.overflow(page), ...await world.small(page)]);
    await world.shot(page, `alarm-${lang}-${width}`);
  }
  await page.goto(`${origin}/watch`);
  await world.follow(page, "[data-alarm] form button");
  await page.waitForURL(/watch\/pages\/[0-9a-f]{32}/);
  await inEach(world, page, new URL(page.url()).pathname, officer);
  await board.locator("[data-alarm]").waitFor({ state: "detached" });
  world.expect("the board is quiet again", true);
  await board.close();
}

// rotate makes new keys through the page, and finds them in the directory's history.
async function rotate(world, page, origin) {
  await page.goto(`${origin}/keys`);
  await world.follow(page, "form[action='/keys/rotate'] button");
  await world.confirm(page, officer);
  await page.goto(`${origin}/keys`);
  await world.follow(page, "form[action='/keys/rotate'] button");
  world.expect("nothing is rotated unless somebody says what", await page.locator(".ed-errors").count() === 1);
  await page.check("#encryption");
  await world.follow(page, "form[action='/keys/rotate'] button");
  await page.waitForURL(/done=rotated/);
  world.expect("the old key is kept for reading", await page.locator(".ed-tag--plain").count() === 1);
  await page.goto(`${origin}/directory/QM.24-7`);
  world.expect("the directory says so", await page.locator(".ed-timeline__event").count() === 2);
  world.expect("a rotation is no exchange", await page.locator(".ed-alarm").count() === 0);
  await page.click(".ed-words >> xpath=ancestor::details/summary");
  world.check("the words of a key", [...await world.axe(page), ...await world.overflow(page)]);
  await world.shot(page, "authority-words");
}

// revoke takes a subkey out of use as stolen, once its fingerprint was typed.
async function revoke(world, page, origin) {
  await page.goto(`${origin}/confirm`);
  await world.confirm(page, officer);
  await page.goto(`${origin}/keys`);
  const subkey = await page.locator("#subkey option").nth(1).getAttribute("value");
  await page.selectOption("#subkey", subkey);
  await page.check("#reason-compromised");
  await page.fill("#typed", "00000000");
  await world.follow(page, "form[action='/keys/revoke'] button");
  world.expect("nothing is revoked that was not typed", await page.locator(".ed-errors").count() === 1);
  world.check("a revocation that was not taken", [...await world.axe(page), ...await world.overflow(page)]);
  await page.fill("#typed", subkey.slice(-8).toLowerCase());
  await world.follow(page, "form[action='/keys/revoke'] button");
  await page.waitForURL(/done=revoked/);
  world.expect("the subkey is shown as stolen", await page.locator(".ed-card .ed-tag--bad").count() === 1);
  await world.shot(page, "keys-revoked");
  for (const [lang, width] of [["ar", 320], ["en", 320], ["zh-Hans", 1280]]) await look(world, page, "/keys/old", lang, width, officer);
}

// schemes looks at the pages in the dark and on paper.
async function schemes(world, page, origin) {
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const path of ["/watch", "/log", "/directory/QM.24-7", "/keys", "/rota"]) {
    await page.goto(origin + path);
    await page.emulateMedia({ colorScheme: "dark" });
    world.check(`${path} in the dark`, await world.axe(page));
    await world.shot(page, `${path.slice(1).replaceAll("/", "_")}-dark`);
    await page.emulateMedia({ colorScheme: "light", media: "print" });
    await world.shot(page, `${path.slice(1).replaceAll("/", "_")}-print`);
    await page.emulateMedia({ media: "screen" });
  }
}

// without sees the board in a browser that runs no scripts: it asks again by itself.
async function without(world, origin) {
  const page = await world.visit({ javaScriptEnabled: false });
  await world.signIn(page, origin, officer);
  await page.goto(`${origin}/watch`);
  world.expect("the board asks again without scripts", await page.locator("meta[http-equiv=refresh]").count() === 1);
  await page.goto(`${origin}/log`);
  await world.follow(page, "form[action='/log/verify'] button");
  world.expect("the log is verified without scripts", await page.locator("[role=status] .ed-tag--ok").count() === 1);
  await page.context().close();
}
