// A case and a message of it, as the officers of a State see them.
import { readFile } from "node:fs/promises";
import { admin, inEach, look, ways } from "./pages.mjs";

const officer = { login: "ana", name: "Lucía Ferrer", password: "seven quiet lamps at sea" };

export default async function (world) {
  const { origin, setup, case: id, message } = world.desks.QM;
  const first = await world.visit();
  await world.takeUp(first, setup, admin);
  await world.invite(first, origin, admin, officer, ["drafter", "approver"]);
  const page = await world.visit();
  await world.takeUp(page, officer.link, officer);
  await page.goto(`${origin}/cases/${id}`);
  await page.fill("#text", "Called the bank; they keep the logs. اتصلتُ بالمصرف");
  await world.follow(page, `form[action='/cases/${id}/note'] button`);
  await page.waitForURL(/done=case_noted/);
  for (const [lang, width] of ways) await look(world, page, `/cases/${id}`, lang, width, officer);
  await look(world, page, `/messages/${message}`, "en", 1280, officer);
  await page.goto(`${origin}/cases/${id}`);
  await world.follow(page, `a[href='/messages/${message}']`);
  await world.follow(page, `form[action='/messages/${message}/open'] button`);
  await page.locator(".ed-part").first().waitFor();
  for (const [lang, width] of [["ar", 1280], ["en", 320], ["zh-Hans", 1280], ["en-XA", 320]]) await look(world, page, `/messages/${message}`, lang, width, officer);
  for (const [name, path] of [["case", `/cases/${id}`], ["message", `/messages/${message}`]]) {
    await page.goto(`${origin}${path}?lang=ar`);
    world.check(`${name} translated`, await world.untranslated(page));
  }
  await page.goto(`${origin}/messages/${message}`);
  await page.click("details:has(.ed-letter) > summary");
  world.expect("a letter says by what it is known", await page.locator(".ed-letter__marks dt").count() === 4 && (await page.locator(".ed-letter__marks p").innerText()).includes("/confirm-request"));
  world.check("a letter", [...await world.axe(page), ...await world.overflow(page)]);
  await world.shot(page, "letter");
  const [proof] = await Promise.all([page.waitForEvent("download"), page.click(`form[action='/messages/${message}/proof'] button`)]);
  const zip = await readFile(await proof.path());
  world.expect("the proof holds the message and its receipt", zip.includes("message.mla.json") && zip.includes("receipt.tlog-proof"));
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: "dark" });
  for (const [name, path] of [["case", `/cases/${id}`], ["message", `/messages/${message}`]]) {
    await page.goto(origin + path);
    world.check(`${name} in the dark`, await world.axe(page));
    await world.shot(page, `${name}-dark`);
  }
  await figures(world, page, origin);
  await compare(world, page, first, origin);
  await lists(world, page, id);
  await without(world, origin, id);
  await sealed(world, page, origin);
}

// sealed names who reads a sealed case: an approver, who then reads it.
async function sealed(world, page, origin) {
  const id = await (await fetch(`${world.clock}/sealed`)).text(), path = `/cases/${id}`;
  for (const [lang, width] of [["ar", 1280], ["en", 320], ["zh-Hans", 320]]) await look(world, page, path, lang, width, officer);
  world.expect("who is not named sees no message", await page.locator("a[href^='/messages/']").count() === 0);
  await page.selectOption("#reader", { label: officer.name });
  await world.follow(page, `form[action='${path}/readers'] button`);
  await page.waitForURL(/done=reader_changed/);
  world.expect("who is named reads it", await page.locator("a[href^='/messages/']").count() > 0);
  for (const [lang, width] of [["ar", 320], ["en", 320]]) await look(world, page, path, lang, width, officer);
  await world.follow(page, `form[action='${path}/readers'] button[name=off]`);
  world.expect("who takes the own name off is back in the inbox", new URL(page.url()).pathname === "/inbox");
}

// figures looks at the State's own figures, and goes to the list behind one.
async function figures(world, page, origin) {
  await page.emulateMedia({ colorScheme: "light" });
  for (const [lang, width] of [["ar", 1280], ["en", 320], ["zh-Hans", 1280], ["ar", 320]]) await look(world, page, "/statistics", lang, width, officer);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(`${origin}/statistics`);
  world.check("figures in the dark", await world.axe(page));
  await world.follow(page, "table a.ed-tall");
  world.expect("a figure leads to its list", new URL(page.url()).pathname === "/inbox" && await page.locator("tbody tr").count() === 1, page.url());
}

// compare has two officers say that they have compared a fingerprint with its owner.
async function compare(world, page, first, origin) {
  const path = "/directory/QN.24-7", form = `form[action='${path}/compared']`;
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${origin}/confirm`);
  await world.confirm(page, officer);
  await page.goto(origin + path);
  await page.click("details:has(form) > summary");
  await page.fill("input[name=counterpart]", "Ms Lindqvist");
  await world.follow(page, `${form} button`);
  world.expect("how it was compared has to be said", await page.locator(".ed-errors").count() === 1);
  world.check("a comparison that was not taken", [...await world.axe(page), ...await world.overflow(page)]);
  await page.selectOption(`${form} select`, "phone");
  await world.follow(page, `${form} button`);
  await page.waitForURL(/done=compared/);
  for (const [lang, width] of [["ar", 1280], ["en", 320], ["zh-Hans", 320]]) await look(world, page, path, lang, width, officer);
  await first.goto(`${origin}/confirm`);
  await world.confirm(first, admin);
  await first.goto(origin + path);
  await world.follow(first, `form[action='${path}/compared/second'] button`);
  await first.waitForURL(/done=compared_twice/);
  world.expect("two officers have compared it", await first.locator(".ed-tag--ok").count() >= 2);
  world.check("a fingerprint that was compared", [...await world.axe(first), ...await world.overflow(first)]);
  await world.shot(first, "compared");
}

// lists looks at the lists that hold the case, empty ones, the search, and the page
// for who holds a paper.
async function lists(world, page, id) {
  const { origin } = world.desks.QM;
  await page.emulateMedia({ colorScheme: "light" });
  for (const path of ["/inbox", "/search?q=logs"]) {
    for (const [lang, width] of [["ar", 1280], ["en", 320], ["zh-Hans", 1280]]) await look(world, page, path, lang, width, officer);
  }
  for (const path of ["/", "/outbox", "/work", "/deadlines", "/statistics/refused?ground=FISCAL&way=in"]) await inEach(world, page, path, officer);
  for (const lang of ["ar", "en", "zh-Hans"]) {
    await page.goto(`${origin}/confirm-request?lang=${lang}`); // look takes it for the page that asks who one is
    world.check(`confirm-request ${lang}`, [...await world.axe(page), ...await world.overflow(page), ...await world.small(page)]);
  }
  await world.shot(page, "confirm-request-ar-320");
  await page.goto(`${origin}/inbox`);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${origin}/cases/${id}`);
  world.expect("j and Enter open the case of a list", true);
}

// without works on the case in a browser that runs no scripts.
async function without(world, origin, id) {
  const page = await world.visit({ javaScriptEnabled: false });
  await world.signIn(page, origin, officer);
  await page.goto(`${origin}/cases/${id}`);
  await world.follow(page, "button[name=act][value=acknowledge]");
  world.expect("an action leads to a draft without scripts", page.url().includes("/drafts/"));
  await page.context().close();
}
