// The settings of the office, and what administrators look after.
import { admin, look, ways } from "./pages.mjs";

const second = { login: "ines2", name: "Tomás Ruiz", password: "seven quiet lamps at sea" };
const ana = { login: "ana", name: "Lucía Ferrer", password: "eight quiet lamps at sea" };

// all are the ways in which a page is looked at; fewer for those that are alike.
const fewer = ways.filter(([lang, width]) => width === 320 || lang !== "en");

// fresh proves anew who somebody is: what changes security asks for it.
async function fresh(world, page, origin, user) {
  await page.goto(`${origin}/confirm`);
  await world.confirm(page, user);
}

export default async function (world) {
  const { origin, setup } = world.desks.QM;
  const page = await world.visit();
  await world.takeUp(page, setup, admin);
  await world.invite(page, origin, admin, second, ["administrator"]);
  await world.invite(page, origin, admin, ana, ["drafter", "approver"]);
  const officer = await world.visit();
  await world.takeUp(officer, ana.link, ana);
  const other = await world.visit();
  await world.takeUp(other, second.link, second);
  await teams(world, page, origin);
  await notices(world, page, origin);
  await security(world, page, other, origin);
  await incidents(world, other, origin);
  await without(world, origin);
}

// incidents reads what went wrong, takes its evidence, and settles it.
async function incidents(world, page, origin) {
  await page.goto(`${origin}/`);
  await world.follow(page, ".ed-warning a[href='/incidents']");
  for (const [lang, width] of fewer) {
    await look(world, page, "/incidents", lang, width, second);
    await look(world, page, "/incidents/1", lang, width, second);
  }
  await fresh(world, page, origin, second);
  await page.goto(`${origin}/incidents/1`);
  const [files] = await Promise.all([page.waitForEvent("download"), page.click("form[action='/incidents/1/files'] button")]);
  world.expect("the evidence is a file", files.suggestedFilename() === "incident-1.zip");
  await page.fill("#why", "We had asked the depositary for it by telephone.");
  await world.follow(page, "form[action='/incidents/1/settle'] button");
  await page.waitForURL(/done=settled/);
  world.check("settled", [...await world.axe(page), ...await world.overflow(page)]);
  await world.shot(page, "incident-settled");
}

// teams makes a team, renames it, and looks at its page.
async function teams(world, page, origin) {
  await page.goto(`${origin}/settings/teams`);
  await page.fill("#team", "Cyber crime مكافحة");
  await world.follow(page, "form[action='/settings/teams'] button");
  await page.waitForURL(/settings\/teams\/[0-9a-f]{16}\?done=saved/);
  const path = new URL(page.url()).pathname;
  for (const [lang, width] of fewer) {
    await look(world, page, path, lang, width);
    await look(world, page, "/settings/teams", lang, width);
    await look(world, page, "/settings", lang, width);
  }
}

// notices sets where notices go, and tries it.
async function notices(world, page, origin) {
  await fresh(world, page, origin, admin);
  await page.goto(`${origin}/settings/notices`);
  await page.fill("#hooks", "hooks.mla.example");
  await world.follow(page, "form[action='/settings/notices'] button");
  await page.waitForURL(/done=saved/);
  await page.click("tbody a");
  await page.waitForURL(/settings\/notices\/[0-9a-f]{16}/);
  const path = new URL(page.url()).pathname;
  await page.fill("#mail", "watch@mla.example");
  await world.follow(page, `form[action='${path}'] button`);
  await world.follow(page, `form[action='${path}/test'] button`);
  world.expect("a test without a mail server says so", await page.locator("[role=status] .ed-tag--bad").count() === 1);
  world.check("a test that failed", [...await world.axe(page), ...await world.overflow(page)]);
  await world.shot(page, "notice-tried");
  for (const [lang, width] of fewer) {
    await look(world, page, path, lang, width);
    await look(world, page, "/settings/notices", lang, width);
  }
}

// security takes settings of security through two administrators.
async function security(world, page, other, origin) {
  await fresh(world, page, origin, admin);
  await fresh(world, other, origin, second);
  await page.goto(`${origin}/settings/four-eyes`);
  await page.check("#lane-urgent");
  await world.follow(page, "form[action='/settings/four-eyes'] button");
  await page.waitForURL(/done=proposed/);
  await page.goto(`${origin}/settings/retention`);
  await page.selectOption("#type-0", "default");
  await page.fill("#days-0", "1825");
  await page.fill("#basis-0", "Archives Act, section 12");
  await world.follow(page, "form[action='/settings/retention'] button");
  await page.waitForURL(/done=proposed/);
  const seen = fewer.filter(([lang]) => lang !== "en-XA"); // types of measures are the convention's words
  for (const [lang, width] of fewer) await look(world, page, "/settings/four-eyes", lang, width);
  for (const [lang, width] of seen) await look(world, page, "/settings/retention", lang, width);
  for (const setting of ["four-eyes", "retention"]) {
    await other.goto(`${origin}/settings/${setting}`);
    await look(world, other, `/settings/${setting}`, "en", 1280, second);
    await world.follow(other, `form[action='/settings/${setting}/confirm'] button`);
    await other.waitForURL(/done=confirmed/);
  }
  await world.shot(other, "retention-in-force");
  await page.emulateMedia({ colorScheme: "dark" });
  for (const path of ["/settings", "/settings/four-eyes", "/settings/retention", "/settings/notices"]) {
    await page.goto(origin + path);
    world.check(`${path} in the dark`, await world.axe(page));
  }
  await world.shot(page, "notices-dark");
  await page.emulateMedia({ colorScheme: "light" });
}

// without changes a team in a browser that runs no scripts.
async function without(world, origin) {
  const page = await world.visit({ javaScriptEnabled: false });
  await world.signIn(page, origin, admin);
  await page.goto(`${origin}/settings/teams`);
  await world.follow(page, "tbody a");
  await page.fill("#name", "Fraud");
  await world.follow(page, "form[action$='/rename'] button");
  world.expect("a team is renamed without scripts", await page.locator("h1").innerText() === "Fraud");
  await page.context().close();
}
