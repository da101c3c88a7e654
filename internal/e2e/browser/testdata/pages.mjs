// Every page, in the languages that differ most, in every way it is used.

// The pages, by who sees them.
const doors = ["/sign-in", "/welcome", "/help"];
const inside = [
  "/", "/help", "/security", "/security/password", "/security/second-factor", "/security/recovery-codes",
  "/security/passkeys/new", "/users", "/users/new", "/confirm", "/nothing-here",
];
const languages = ["ar", "en", "zh-Hans"];
// How each page is looked at: pseudo-locales show what is cut off and what is not
// of the catalogue; 320 pixels are also 1280 enlarged to 400 per cent.
export const ways = [...languages.map((lang) => [lang, 1280]), ["ar", 320], ["en", 320], ["en-XA", 320], ["ar-XB", 320]];

export const admin = { login: "admin", name: "Ines Haddad", password: "nine orange bicycles" };

// look looks at one page in every way.
export async function look(world, page, path, lang, width, user = admin) {
  const { origin } = world.desks.QM;
  await page.setViewportSize({ width, height: 900 });
  await page.goto(`${origin}${path}${path.includes("?") ? "&" : "?"}lang=${lang}`);
  if (path !== "/confirm") await world.confirm(page, user);
  const name = `${path === "/" ? "home" : path.slice(1).split("?")[0].replaceAll("/", "_")}-${path.includes("?") ? "form-" : ""}${lang}-${width}`;
  const bad = [...(world.once(`${path} ${lang}`) && !lang.includes("-X") ? await world.axe(page) : []), ...(await world.overflow(page)).map((b) => `wider than ${width}: ${b}`), ...await world.small(page)];
  if (width === 1280) bad.push(...await world.fonts(page), ...await world.heavy(page));
  if (lang === "en") bad.push(...await world.keyboard(page));
  if (lang === "en-XA") bad.push(...await world.hardcoded(page));
  bad.push(...page.wrong.splice(0));
  world.check(name, bad);
  await world.shot(page, name);
}

// inEach looks at one page in each of the languages.
export async function inEach(world, page, path, user = admin) {
  for (const lang of languages) await look(world, page, path, lang, 320, user);
}

export default async function (world) {
  const { origin, setup } = world.desks.QM;
  const page = await world.visit();
  for (const path of [...doors, setup.slice(origin.length)]) {
    for (const [lang, width] of ways) await look(world, page, path, lang, width);
  }
  await world.takeUp(page, setup, admin);
  await world.follow(page, "main form button.ed-button");
  world.expect("ten recovery codes", await page.locator(".ed-codes li").count() === 10);
  await world.shot(page, "codes");

  // A passkey: made, used to sign in, and refused by a device that does not
  // verify its user.
  const device = await world.authenticator(page);
  await page.goto(`${origin}/security/passkeys/new`);
  await world.confirm(page, admin);
  await page.fill("#name", "Key in the office");
  await world.follow(page, "main form button.ed-button");
  await page.waitForURL(/done=passkey_added/);
  await world.follow(page, ".ed-header form button");
  await page.waitForURL(/sign-in/);
  await page.click("form[data-passkey] button");
  await page.waitForURL(`${origin}/`);
  world.expect("signed in with a passkey", await page.locator("h1").innerText().then((t) => t.includes("Ines Haddad")));
  await world.follow(page, ".ed-header form button");
  await device.session.send("WebAuthn.setUserVerified", { authenticatorId: device.id, isUserVerified: false });
  await page.click("form[data-passkey] button");
  await page.locator("[data-failed]:not(:empty)").waitFor();
  world.expect("a device that does not verify its user is refused", page.url().includes("/sign-in"));
  await world.signIn(page, origin, admin);

  for (const path of inside) {
    for (const [lang, width] of ways) await look(world, page, path, lang, width);
  }
  await refusedForms(world, page);
  await keys(world, page);
  await schemes(world, page);
  await without(world);
  await warning(world, page);
}

// refusedForms looks at pages that say what was wrong.
async function refusedForms(world, page) {
  const { origin } = world.desks.QM;
  for (const lang of ["ar", "en"]) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${origin}/users/new?lang=${lang}`);
    await world.confirm(page, admin);
    await world.follow(page, "main form button.ed-button");
    const focused = await page.evaluate(() => document.activeElement?.className);
    world.expect(`the list of errors has the focus (${lang})`, focused === "ed-errors", focused);
    world.check(`refused form ${lang}`, [...await world.axe(page), ...await world.overflow(page)]);
    await world.shot(page, `refused-${lang}`);
  }
}

// keys uses the shortcuts, and switches them off.
async function keys(world, page) {
  const { origin } = world.desks.QM;
  await page.goto(`${origin}/`);
  await page.keyboard.press("g");
  await page.keyboard.press("u");
  await page.waitForURL(`${origin}/users`);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/users\/[0-9a-f]{16}/);
  await inEach(world, page, new URL(page.url()).pathname);
  await page.keyboard.press("?");
  world.expect("? explains the keys", await page.locator("#keys[open]").count() === 1);
  world.check("the keys", await world.axe(page));
  await world.shot(page, "keys");
  await page.keyboard.press("Escape");
  await page.goto(`${origin}/security`);
  await page.uncheck("#shortcuts");
  await world.follow(page, "form[action='/security/preferences'] button");
  await page.waitForURL(/done=saved/);
  await page.keyboard.press("g");
  await page.keyboard.press("u");
  await page.goto(`${origin}/help`);
  world.expect("keys that were switched off do nothing", page.url() === `${origin}/help`);
}

// schemes looks at pages in the dark, in forced colours, on paper and enlarged.
async function schemes(world, page) {
  const { origin } = world.desks.QM;
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const path of ["/", "/security", "/users/new"]) {
    const name = path === "/" ? "home" : path.slice(1).replaceAll("/", "_");
    await page.goto(origin + path);
    await world.confirm(page, admin);
    await page.emulateMedia({ colorScheme: "dark" });
    world.check(`${name} in the dark`, await world.axe(page));
    await world.shot(page, `${name}-dark`);
    await page.emulateMedia({ colorScheme: "light", forcedColors: "active" });
    await world.shot(page, `${name}-forced`);
    await page.emulateMedia({ forcedColors: "none", media: "print" });
    await world.shot(page, `${name}-print`);
    await page.emulateMedia({ media: "screen" });
  }
}

// without signs in and works in a browser that runs no scripts.
async function without(world) {
  const { origin } = world.desks.QM;
  const page = await world.visit({ javaScriptEnabled: false });
  await world.signIn(page, origin, admin);
  await page.goto(`${origin}/security`);
  await page.selectOption("#language", "fr");
  await page.fill("#zone", "Europe/Paris");
  await world.follow(page, "form[action='/security/preferences'] button");
  world.expect("a form works without scripts", await page.locator(".ed-flash").innerText() === "Enregistré.");
  await world.shot(page, "security-without-scripts");
  await page.selectOption("#language", "");
  await world.follow(page, "form[action='/security/preferences'] button");
  await world.follow(page, ".ed-header form button");
  world.expect("signed out without scripts", page.url().includes("/sign-in"));
  await page.context().close();
}

// warning waits for the question before a session ends.
async function warning(world, page) {
  const { origin } = world.desks.QM;
  await page.clock.install();
  await page.goto(`${origin}/`);
  await page.clock.fastForward("13:30");
  await page.locator("#ending[open]").waitFor();
  world.check("the session is about to end", await world.axe(page));
  await world.shot(page, "ending");
  await page.click("[data-go-on]");
  await page.locator("#ending:not([open])").waitFor({ state: "attached" });
  await world.pass(16 * 60);
  await page.clock.fastForward("16:00");
  await page.waitForURL(/sign-in.*ended/);
  world.expect("signed out after its time", true);
  await world.shot(page, "ended");
}
