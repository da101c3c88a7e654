// An auditor comes in, finds every fault that was planted, within two clicks from
// the overview, and verifies files.
import fs from "node:fs";
import { look, ways } from "./pages.mjs";

// enter comes in with the link, under a name.
async function enter(world, page, link) {
  await page.goto(link);
  await page.fill("#name", "Ines Haddad");
  await world.follow(page, "main form button");
}

export default async function (world) {
  world.limit = 300_000; // the room is on the machine of its auditor
  const { origin, setup, faults, late, files } = world.desks.QM;
  const page = await world.visit();
  for (const [lang, width] of ways) {
    if (lang === "en" || lang === "ar") await look(world, page, setup.slice(origin.length), lang, width);
  }
  await enter(world, page, setup);
  world.expect("in, under a name", (await page.locator(".ed-header__name").innerText()) === "Ines Haddad");
  await derived(world, page);
  await found(world, page, origin, faults, late);
  await looks(world, page, origin);
  await keys(world, page, origin);
  await remark(world, page, origin);
  await explore(world, page, origin);
  await verify(world, page, origin, files);
  await report(world, page, origin);
  await schemes(world, page, origin);
  await sound(world);
  await without(world, origin, page);
}

// derived waits until the log has been checked: the page loads itself again.
async function derived(world, page) {
  await page.locator("#exchanges").waitFor({ timeout: 240_000 });
  await world.still(page);
}

// found follows every kind of fault from the overview: one click to its list, one to
// what was found.
async function found(world, page, origin, faults, late) {
  for (const code of faults) {
    await page.goto(`${origin}/`);
    const bad = [];
    if (await page.locator(`a[href="/findings?code=${code}"]`).count() !== 1) bad.push("it is not on the overview");
    else {
      await world.follow(page, `a[href="/findings?code=${code}"]`);
      if (await page.locator("tr[data-row]").count() !== 1) bad.push("its list does not hold it alone");
      await world.follow(page, "tr[data-row] th a");
      if (!page.url().includes(`/findings/${code}-`)) bad.push(`the second click leads to ${page.url()}`);
      if (await page.locator("h1 + p .ed-tag--bad, h1 + p .ed-tag--warn").count() === 0) bad.push("the page does not say how grave it is");
    }
    world.check(`two clicks to ${code}`, bad);
  }
  await page.goto(`${origin}/`);
  world.expect("what is wrong comes first", await page.locator("section[role=alert] .ed-tag--bad").count() === 1);
  await world.follow(page, "a[href*='requesting=QZ'][href*='overdue=1']");
  world.expect("ten late acknowledgements, one click away", await page.locator("tr[data-row]").count() === late);
  await world.follow(page, "tr[data-row] th a");
  world.expect("the late step is marked", await page.locator(".ed-timeline .ed-tag--bad").count() >= 2);
}

// looks looks at every page in every way.
async function looks(world, page, origin) {
  await page.goto(`${origin}/findings?code=fork`);
  const finding = new URL(await page.locator("tr[data-row] th a").first().getAttribute("href"), origin).pathname;
  await page.goto(`${origin}/findings?code=entry-withheld`);
  const withheld = new URL(await page.locator("td a").first().getAttribute("href"), origin).pathname;
  const lists = ["/findings", "/entries", withheld, "/cases?overdue=1", "/verify", "/reports", "/published", "/witnesses", "/help"];
  const words = ["/findings", finding, "/verify", "/reports", "/published", "/witnesses", "/help"]; // without words of the law
  for (const path of ["/", finding, "/entries/7", "/cases/1a7e0300000000000000000000000000", ...lists]) {
    for (const [lang, width] of ways) {
      const seldom = lang === "zh-Hans" && path !== "/" || lang === "ar-XB" || lists.includes(path) && ["ar 1280", "en 320"].includes(`${lang} ${width}`) ||
        lang === "en-XA" && !words.includes(path);
      if (!seldom) await look(world, page, path, lang, width);
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.goto(`${origin}/?lang=en`);
  await page.click("#exchanges summary");
  world.check("a drawing as a table", [...await world.axe(page), ...await world.overflow(page)]);
  await world.shot(page, "home-table");
}

// keys goes to pages with two letters, and through a list.
async function keys(world, page, origin) {
  await page.goto(`${origin}/`);
  for (const [second, path] of [["f", "/findings"], ["l", "/entries"], ["c", "/cases"], ["v", "/verify"], ["r", "/reports"], ["p", "/published"], ["w", "/witnesses"], ["o", "/"]]) {
    await page.keyboard.press("g");
    await Promise.all([page.waitForNavigation(), page.keyboard.press(second)]);
    world.expect(`g ${second}`, new URL(page.url()).pathname === path, page.url());
  }
  await page.goto(`${origin}/findings`);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const href = await page.evaluate(() => document.activeElement.getAttribute("href"));
  world.expect("j moves down the list", href === await page.locator("tr[data-row] th a").nth(1).getAttribute("href"), href);
}

// remark says something of a finding; the next page has it, with the name.
async function remark(world, page, origin) {
  await page.goto(`${origin}/findings?code=rewind`);
  await world.follow(page, "tr[data-row] th a");
  await world.follow(page, "main form button");
  world.check("a remark without words", [...await page.locator(".ed-errors").count() === 1 ? [] : ["it is taken"], ...await world.axe(page)]);
  await page.fill("#comment", "The operator says that a backup was restored; a report is asked for.");
  await page.selectOption("#state", "explained");
  await world.follow(page, "main form button");
  world.expect("the remark stands with its name", (await page.locator(".ed-timeline").innerText()).includes("Ines Haddad"));
  await world.shot(page, "finding-remarked");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("dd a[href$='/evidence']")]);
  world.expect("the evidence is a file", /^rewind-/.test(download.suggestedFilename()), download.suggestedFilename());
}

// explore filters the log, pages through it, and takes it along.
async function explore(world, page, origin) {
  await page.goto(`${origin}/entries`);
  await page.selectOption("#kind", "rejection");
  await page.fill("#party", "xa");
  await world.follow(page, "main form button");
  const rows = await page.locator("tr[data-row]").count();
  world.expect("refusals of one State", rows > 0 && rows <= 50, `${rows} rows`);
  const first = await page.locator("tr[data-row] th a").first().innerText();
  await world.follow(page, "a[rel=next]");
  world.expect("the next page is another", await page.locator("tr[data-row] th a").first().innerText() !== first);
  const [table] = await Promise.all([page.waitForEvent("download"), page.click("a[href^='/entries.csv']")]);
  const lines = fs.readFileSync(await table.path(), "utf8").trim().split("\n").length;
  world.expect("the table has all of them", lines > 50, `${lines} lines`);
  await page.goto(`${origin}/`);
  await page.click("#exchanges summary");
  await world.follow(page, "#exchanges td a");
  world.expect("a figure leads to its entries", await page.locator("tr[data-row]").count() > 0 && page.url().includes("since="), page.url());
  await world.follow(page, "tr[data-row] th a");
  const [proof] = await Promise.all([page.waitForEvent("download"), page.click("a[href$='/proof']")]);
  world.expect("the proof is a file", /^entry-\d+\.tlog-proof$/.test(proof.suggestedFilename()), proof.suggestedFilename());
}

// verify brings files of each kind.
async function verify(world, page, origin, files) {
  for (const [name, tag] of [["receipt.tlog-proof", "ok"], ["other.tlog-proof", "bad"], ["fork.json", "bad"], ["checkpoint", "ok"], ["notes.txt", "plain"]]) {
    await page.goto(`${origin}/verify`);
    await page.setInputFiles("#files", files[name]);
    await world.follow(page, "main form button");
    const bad = await page.locator(`.ed-card h2 + p .ed-tag--${tag}`).count() === 1 ? [] : [`the verdict is another: ${await page.locator(".ed-card").innerText()}`];
    world.check(`verdict on ${name}`, [...bad, ...await world.axe(page), ...await world.overflow(page)]);
    await world.shot(page, `verdict-${name}`);
  }
  await page.goto(`${origin}/verify?lang=ar`);
  await page.fill("#pasted", fs.readFileSync(files.checkpoint, "utf8"));
  await world.follow(page, "main form button");
  world.expect("a state that is pasted", await page.locator(".ed-card .ed-tag--ok").count() > 1);
  await page.setViewportSize({ width: 320, height: 900 });
  world.check("a verdict on a small screen", [...await world.axe(page), ...await world.overflow(page), ...await world.small(page)]);
  await world.shot(page, "verdict-320");
  await page.setViewportSize({ width: 1280, height: 900 });
}

// report makes a report on a period; what is handed out opens as a page.
async function report(world, page, origin) {
  await page.goto(`${origin}/reports?lang=en`);
  await world.follow(page, "main form button");
  world.expect("a report on no days", await page.locator(".ed-errors").count() === 1);
  await page.fill("#from", "2000-01-01");
  await page.fill("#to", "2099-12-31");
  await page.selectOption("#language", "en");
  await Promise.all([page.waitForNavigation({ timeout: 120_000 }), page.click("main form button")]);
  world.expect("a report is there", await page.locator("tr[data-row]").count() === 1, page.url());
  world.check("the page of reports", [...await world.axe(page), ...await world.overflow(page), ...await world.small(page)]);
  await world.shot(page, "reports-made");
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("a[href$='/report.html']")]);
  world.expect("the report is a file", /^2000-01-01_2099-12-31_\d+-report\.html$/.test(file.suggestedFilename()), file.suggestedFilename());
}

// schemes looks at the pages in the dark and on paper.
async function schemes(world, page, origin) {
  for (const path of ["/", "/findings", "/entries/7", "/cases/1a7e0300000000000000000000000000"]) {
    await page.goto(origin + path);
    await page.emulateMedia({ colorScheme: "dark" });
    world.check(`${path} in the dark`, await world.axe(page));
    await world.shot(page, `${path === "/" ? "home" : path.slice(1).replaceAll("/", "_")}-dark`);
    await page.emulateMedia({ colorScheme: "light", media: "print" });
    await world.shot(page, `${path === "/" ? "home" : path.slice(1).replaceAll("/", "_")}-print`);
    await page.emulateMedia({ media: "screen" });
  }
}

// sound sees a log in which everything fits, and has it checked again.
async function sound(world) {
  const { origin, setup } = world.desks.sound;
  const page = await world.visit();
  await enter(world, page, setup);
  await derived(world, page);
  world.expect("a log in which everything fits", await page.locator("main > section .ed-tag--ok").count() === 1, await page.locator("main > section").first().innerText());
  await world.follow(page, "form[action='/check'] button");
  world.check("the overview of a sound log", [...await world.axe(page), ...await world.overflow(page), ...page.wrong]);
  await world.shot(page, "home-sound");
  await page.goto(`${origin}/?lang=ar`);
  await world.shot(page, "home-sound-ar");
  await world.follow(page, ".ed-header form button");
  world.expect("out", page.url().includes("/enter"));
  await page.context().close();
}

// without works in a browser that runs no scripts.
async function without(world, origin, signedIn) {
  const page = await world.visit({ javaScriptEnabled: false });
  await page.context().addCookies(await signedIn.context().cookies());
  await page.goto(`${origin}/`);
  await world.follow(page, "a[href='/findings?code=fork']");
  await world.follow(page, "tr[data-row] th a");
  await page.fill("#comment", "Written without scripts.");
  await world.follow(page, "main form button");
  world.expect("a remark without scripts", (await page.locator(".ed-timeline").innerText()).includes("Written without scripts."));
  await page.context().close();
}
