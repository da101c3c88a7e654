// A duty officer who follows only the screen asks for the preservation of data;
// another officer approves; an emergency is sent by one officer alone. The clicks
// and fields of the shortest path are counted.

const admin = { login: "admin", name: "Ines Haddad", password: "nine orange bicycles" };
const duty = { login: "duty", name: "Omar Diallo", password: "nine orange bicycles" };
const chief = { login: "chief", name: "Lena Fischer", password: "nine orange bicycles" };

// A Hand does what a person does, and counts it.
class Hand {
  constructor(world, page) {
    this.world = world;
    this.page = page;
    this.clicks = 0;
    this.fields = 0;
  }
  at(name) { return this.page.locator(`[name="${name}"]`); }
  async fill(name, text) {
    this.fields++;
    await this.at(name).fill(text);
  }
  async choose(name, value) {
    this.fields++;
    const field = this.at(name).first();
    if (await field.evaluate((e) => e.tagName) === "SELECT") await field.selectOption(value);
    else await this.page.check(`[name="${name}"][value="${value}"]`);
  }
  async tick(name) {
    this.fields++;
    await this.at(name).check();
  }
  async press(where) {
    this.clicks++;
    await this.world.follow(this.page, where);
  }
  get sum() { return this.clicks + this.fields; }
}

// write writes a request for preservation, by the shortest path.
async function write(hand, urgency) {
  const { page } = hand;
  await hand.press(".ed-nav a[href='/drafts/new']");
  await hand.choose("urgency", urgency);
  await hand.choose("kind", "T01");
  await hand.press("main form button.ed-button");
  await hand.choose("to", "QN.24-7");
  await hand.press("main form button.ed-button");
  await page.waitForURL(/part\/needed/);
  await hand.choose("/urgency_reason/code", urgency.startsWith("E0") ? "LIFE_OR_SAFETY" : "RETENTION");
  if (await hand.at("/urgency_reason/until").count()) await hand.fill("/urgency_reason/until", "2027-01-31T12:00:00");
  if (urgency.startsWith("E0")) await hand.fill("/urgency_reason/text/text", "A child is held and threatened; the account is the only trace.");
  await hand.choose("/confidentiality", "CONFIDENTIAL");
  await hand.fill("/own_ref", "QM-24/7-118");
  await hand.choose("/offences/0/code", await page.locator("[name='/offences/0/code'] option").nth(1).getAttribute("value"));
  await hand.fill("/narrative/text", "On 24 November 2026 the account was used to extort a hospital after its files were encrypted.");
  await hand.choose("/measures/0/preservation/data/0/category", await page.locator("[name='/measures/0/preservation/data/0/category']").first()
    .evaluate((e) => e.tagName === "SELECT" ? e.options[1].value : e.value));
  await hand.fill("/measures/0/preservation/data/0/account", "harbour-17@mail.example");
  await hand.fill("/measures/0/preservation/relation/text", "The demands were sent from this account.");
  await hand.fill("/measures/0/preservation/necessity/text", "The provider deletes its logs after seven days.");
  await hand.tick("/measures/0/preservation/mla_intended");
}

// goOn saves, and fills in what the page still asks for.
async function goOn(hand) {
  const { page } = hand;
  for (let i = 0; i < 3; i++) {
    await hand.press("main form[data-autosave] .ed-actions button");
    await page.waitForLoadState();
    if (page.url().includes("/check")) return [];
    if (await hand.at("/offences/0/max_penalty_months").count()) await hand.fill("/offences/0/max_penalty_months", "96");
    else break;
  }
  return [`still asked for: ${await page.locator("main form[data-autosave] :is(input:not([type=hidden]), select, textarea)").evaluateAll((all) => all.map((e) => e.name))}`,
    await page.locator(".ed-wrong").allInnerTexts()];
}

// look looks at a page in the languages and widths that differ most.
async function look(world, page, user, path, name) {
  const { origin } = world.desks.QM;
  for (const [lang, width, colorScheme] of [["en", 1280, "light"], ["ar", 320, "light"], ["zh-Hans", 1280, "dark"]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await page.goto(`${origin}${path}${path.includes("?") ? "&" : "?"}lang=${lang}`);
    await world.confirm(page, user);
    const bad = [...await world.axe(page), ...(await world.overflow(page)).map((b) => `wider than ${width}: ${b}`), ...await world.small(page)];
    if (lang === "en") bad.push(...await world.keyboard(page));
    if (lang === "ar") bad.push(...await world.untranslated(page));
    bad.push(...page.wrong.splice(0));
    world.check(`${name} ${lang} ${width} ${colorScheme}`, bad);
    await world.shot(page, `${name}-${lang}-${width}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

const idOf = (page) => new URL(page.url()).pathname.match(/^\/drafts\/[0-9a-f]{32}/)[0];

export default async function (world) {
  const { origin, setup } = world.desks.QM;
  const head = await world.visit();
  await world.takeUp(head, setup, admin);
  await world.invite(head, origin, admin, duty, ["duty-officer"]);
  await world.invite(head, origin, admin, chief, ["approver"]);
  const page = await world.visit(), other = await world.visit();
  await world.takeUp(page, duty.link, duty);
  await world.takeUp(other, chief.link, chief);
  await page.goto(origin);
  await other.goto(origin);

  // The shortest path.
  const hand = new Hand(world, page);
  await write(hand, "E1_URGENT_VOLATILE");
  await world.shot(page, "needed-filled");
  world.check("what is needed is all that is asked for", await goOn(hand));
  const draft = idOf(page);
  await hand.press(`form[action='${draft}/submit'] button`);
  await page.waitForURL(/done=draft_submitted/);
  const second = new Hand(world, other);
  await second.press(".ed-nav a[href='/drafts']");
  await second.press(`a[href='${draft}/check']`);
  await world.shot(other, "approve");
  world.expect("the approver sees who wrote it", (await other.locator("main").innerText()).includes(duty.name));
  await second.press(`form[action='${draft}/approve'] button`);
  await world.confirm(other, chief);
  if (!other.url().includes("/sent")) await world.follow(other, `form[action='${draft}/approve'] button`);
  await other.waitForURL(/\/sent/);
  await world.still(other);
  await world.sync();
  await other.goto(origin + draft + "/sent");
  world.expect("it is sent, with reference and place in the log", await other.locator(".ed-panel").count() === 1, await other.locator("main").innerText());
  await world.shot(other, "sent");
  console.error(`shortest path of an urgent request for preservation: ${hand.clicks} clicks and ${hand.fields} fields by the duty officer (${hand.sum}), ${second.sum} clicks by the approver`);
  world.expect("the shortest path has at most 25 clicks and fields", hand.sum <= 25, `${hand.clicks} clicks, ${hand.fields} fields`);

  // In an emergency, alone.
  const alone = new Hand(world, page);
  await write(alone, "E0_EMERGENCY");
  world.check("what is needed in an emergency is all that is asked for", await goOn(alone));
  const urgent = idOf(page);
  await alone.fill("reason", "Nobody else can be reached before the data are gone.");
  await alone.press(`form[action='${urgent}/release'] button`);
  await world.confirm(page, duty);
  if (!page.url().includes("/sent")) {
    await page.goto(`${origin}${urgent}/check`);
    await page.fill("[name=reason]", "Nobody else can be reached before the data are gone.");
    await world.follow(page, `form[action='${urgent}/release'] button`);
  }
  await page.waitForURL(/\/sent/);
  await world.still(page);
  console.error(`shortest path of an emergency, sent by one officer: ${alone.clicks} clicks and ${alone.fields} fields (${alone.sum})`);
  world.expect("the shortest path of an emergency has at most 25 clicks and fields", alone.sum <= 25, `${alone.clicks} clicks, ${alone.fields} fields`);
  await other.goto(`${origin}/releases`);
  world.expect("the emergency release is on the list to look at", (await other.locator("main").innerText()).includes(duty.name));
  await world.shot(other, "releases");

  // Every page, in every way.
  await page.goto(`${origin}/drafts/new/recipient?kind=T06&urgency=R0_ROUTINE`);
  await page.check("[name=to]");
  await world.follow(page, "main form button.ed-button");
  const open = idOf(page);
  await translate(world, page, open);
  await attach(world, page, open);
  for (const [path, name] of [
    ["/drafts", "drafts"], ["/drafts/new", "draft-new"], ["/drafts/new/recipient?kind=T01&urgency=E1_URGENT_VOLATILE", "draft-to"],
    [open, "draft"], [`${open}/part/needed`, "draft-needed"], [`${open}/part/measure-0`, "draft-measure"], [`${open}/part/facts`, "draft-facts"],
    [`${open}/part/office`, "draft-office"], [`${open}/check`, "draft-check"], [`${open}/versions`, "draft-versions"], [`${draft}/check`, "draft-check-sent"],
    [`${draft}/sent`, "draft-sent"], [`${open}/files`, "draft-files"], // with one attached, and one that was brought
  ]) await look(world, page, duty, path, name);
  await look(world, other, chief, "/releases", "releases");
  await without(world);
}

// translate begins a translation of the facts: it stands beside the text.
async function translate(world, page, draft) {
  await page.goto(`${world.desks.QM.origin}${draft}/part/facts`);
  await page.fill("[name='/narrative/text']", "On 24 November 2026 the account was used to extort a hospital after its files were encrypted.");
  await page.locator("[id='/narrative'] ~ details summary").first().click();
  await world.follow(page, "button[value='add:/narrative/translations']");
  await page.fill("[name='/narrative/translations/0/text']", "في 24 نوفمبر 2026 استُخدم الحساب لابتزاز مستشفى بعد تشفير ملفاته.");
  const [text, translation] = await Promise.all(["/narrative/text", "/narrative/translations/0/text"].map((name) => page.locator(`[name='${name}']`).boundingBox()));
  world.expect("a translation stands beside the text", translation.x > text.x + text.width && translation.y < text.y + text.height, JSON.stringify({ text, translation }));
  await world.shot(page, "translation");
  await world.follow(page, ".ed-actions button[value=save]");
}

// attach attaches an order of a court, and brings another document.
async function attach(world, page, draft) {
  await page.goto(`${world.desks.QM.origin}${draft}`);
  await world.follow(page, "main a[href$='/files']");
  for (const [name, text] of [["أمر 命令.pdf", "the court orders"], ["召唤.txt", "the court summons"]]) {
    await page.setInputFiles("#files", { name, mimeType: "application/octet-stream", buffer: Buffer.from(text) });
    await world.follow(page, "form[data-upload] .ed-actions button");
    if (name === "召唤.txt") break;
    await page.selectOption("#role", "order");
    await page.check("#certified");
    await world.follow(page, "form[action$='/files/attach'] button");
  }
  world.expect("what is attached is shown with its digest", /أمر 命令\.pdf[^]*[0-9a-f]{64}/.test(await page.locator("main").innerText()));
}

// without writes a draft in a browser that runs no scripts.
async function without(world) {
  const { origin } = world.desks.QM;
  const page = await world.visit({ javaScriptEnabled: false });
  await world.signIn(page, origin, duty);
  await page.goto(`${origin}/drafts/new/recipient?kind=T05&urgency=R0_ROUTINE`);
  await page.check("[name=to]");
  await world.follow(page, "main form button.ed-button");
  const draft = idOf(page);
  await page.goto(`${origin}${draft}/part/measure-0`);
  await world.follow(page, "button[value='add:/measures/0/subscriber/identifiers']");
  await page.fill("[name='/measures/0/subscriber/identifiers/0/value']", "harbour-17");
  await world.follow(page, ".ed-actions button[value=save]");
  await page.goto(`${origin}${draft}/part/measure-0`);
  world.expect("an item is added and kept without scripts", await page.inputValue("[name='/measures/0/subscriber/identifiers/0/value']") === "harbour-17");
  await page.goto(`${origin}${draft}/files`);
  await page.setInputFiles("#files", { name: "order.pdf", mimeType: "application/pdf", buffer: Buffer.from("the court orders") });
  await world.follow(page, "form[data-upload] .ed-actions button");
  await page.selectOption("#role", "order");
  await world.follow(page, "form[action$='/files/attach'] button");
  while (await page.locator(".ed-progress").count() > 0) await page.reload(); // it is still being sealed
  await page.goto(`${origin}${draft}`);
  await world.follow(page, "main a[href$='/files']");
  world.expect("a document is attached without scripts", /order\.pdf[^]*[0-9a-f]{64}/.test(await page.locator("main").innerText()));
  await page.context().close();
}
