// Two desks, from the set-up to the end of a case, through pages alone. The
// set-up is done once; the case is taken from request to close in English, Arabic
// and Chinese, with what officers type in that language.
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";

const password = "nine orange bicycles";
const person = (login, name) => ({ login, name, password });
const people = {
  QM: { admin: person("admin", "Ines Haddad"), writer: person("omar", "Omar Diallo"), chief: person("lena", "Lena Fischer") },
  QN: { admin: person("admin", "Mei Lindqvist"), writer: person("noor", "Noor Aziz"), chief: person("wei", "Wei Zhang") },
};

// What officers write, in their language.
const words = {
  en: {
    facts: "On 24 November 2026 the account was used to extort a hospital after its files were encrypted.", relation: "The demands were sent from this account.",
    necessity: "The provider deletes its logs after seven days.", unit: "Cybercrime unit", next: "An order to the provider is being prepared.",
    question: "In which time zone are the times of the request?", answer: "All times are in UTC.", condition: "For this investigation alone; not as evidence in court without asking again.",
    what: "Access logs of the account", origin: "Example Mail Ltd", by: "Digital forensics section", method: "Production order", file: "access logs.bin",
    kept: "Log of sign-ins of the account",
  },
  ar: {
    facts: "في 24 نوفمبر 2026 استُخدم الحساب لابتزاز مستشفى بعد تشفير ملفاته.", relation: "أُرسلت المطالب من هذا الحساب.",
    necessity: "يحذف مزوّد الخدمة سجلاته بعد سبعة أيام.", unit: "وحدة الجرائم السيبرانية", next: "يجري إعداد أمر إلى مزوّد الخدمة.",
    question: "في أي منطقة زمنية وردت أوقات الطلب؟", answer: "جميع الأوقات بالتوقيت العالمي المنسّق.", condition: "لهذا التحقيق وحده، ولا تُقدَّم دليلًا أمام المحكمة من دون طلب جديد.",
    what: "سجلات الدخول إلى الحساب", origin: "شركة البريد المثالية", by: "قسم الأدلة الرقمية", method: "أمر تقديم", file: "سجلات الدخول.bin",
    kept: "سجل الدخول إلى الحساب",
  },
  "zh-Hans": {
    facts: "2026年11月24日，该账户在医院文件被加密后被用于勒索该医院。", relation: "勒索要求由此账户发出。",
    necessity: "服务提供商在七天后删除日志。", unit: "网络犯罪调查科", next: "正在准备发给服务提供商的命令。",
    question: "请求中的时间属于哪个时区？", answer: "所有时间均为协调世界时。", condition: "仅限本案调查使用；未经再次征求同意，不得作为法庭证据。",
    what: "该账户的访问日志", origin: "示例邮件有限公司", by: "电子取证科", method: "提交令", file: "访问日志.bin",
    kept: "该账户的登录日志",
  },
};

const main = (page) => page.locator("main").innerText();
const draftOf = (page) => new URL(page.url()).pathname.match(/^\/drafts\/[0-9a-f]{32}/)[0];

// A Trip is the case of one language.
class Trip {
  constructor(world, lang, desks) {
    Object.assign(this, { world, lang, words: words[lang], ...desks, seen: new Set() });
  }

  // look looks at a page once for each language: what breaks, and how it looks.
  async look(page, name) {
    if (this.seen.has(name)) return;
    this.seen.add(name);
    const html = page.locator("html");
    const bad = [...await this.world.axe(page), ...await this.world.overflow(page), ...await this.world.heavy(page), ...page.wrong.splice(0)];
    if (await html.getAttribute("lang") !== this.lang) bad.push(`the page is in ${await html.getAttribute("lang")}`);
    if (await html.getAttribute("dir") !== (this.lang === "ar" ? "rtl" : "ltr")) bad.push("the page runs the wrong way");
    if (this.lang !== "en") bad.push(...await english(page));
    this.world.check(`${name} ${this.lang}`, bad);
    await this.world.shot(page, `journey-${this.lang}-${String(this.seen.size).padStart(2, "0")}-${name}`);
  }

  // speak has a desk's pages in the language of the trip.
  async speak(page) {
    await this.world.follow(page, `.ed-languages button[value="${this.lang}"]`);
  }

  // fill fills in what is there of some fields, by their names.
  async fill(page, values) {
    for (const [name, value] of Object.entries(values)) {
      const field = page.locator(`[name="${name}"]`);
      if (!await field.count()) throw new Error(`${page.url()} has no field ${name}: ${await main(page)}`);
      const kind = await field.first().evaluate((e) => e.type ?? e.tagName);
      if (value === true) await field.first().check();
      else if (kind === "radio" || kind === "checkbox") await page.check(`[name="${name}"][value="${value}"]`);
      else if (kind === "select-one") await field.selectOption(value);
      else await field.fill(value);
    }
  }

  // reply writes a message in the case and has it sent.
  async reply(desk, act, choose, values, before) {
    const { writer } = desk;
    await writer.goto(desk.origin + this.case);
    await this.world.follow(writer, `a[href*="act=${act}"], button[name=act][value=${act}]`);
    if (choose) {
      await this.look(writer, `begin-${act}`);
      await this.fill(writer, choose);
      await this.world.follow(writer, "main form .ed-actions button");
    }
    if (before) await before();
    await this.look(writer, `write-${choose?.kind ?? act}`);
    await this.fill(writer, values);
    await this.world.follow(writer, "main form[data-autosave] .ed-actions button");
    await this.send(desk, act);
  }

  // send takes a draft from its check to the other desk: submitted, approved by
  // another officer, exchanged.
  async send(desk, name) {
    const { writer, chief, origin } = desk;
    const draft = draftOf(writer);
    if (!writer.url().includes("/check")) throw new Error(`${name} is not complete: ${writer.url()} ${await main(writer)}`);
    await this.look(writer, ["request", "deliver", "confirm"].includes(name) ? `check-${name}` : "check");
    await this.world.follow(writer, `form[action="${draft}/submit"] button`);
    await chief.goto(`${origin}/drafts`);
    await this.look(chief, "drafts");
    await this.world.follow(chief, `a[href="${draft}/check"]`);
    await this.look(chief, "approve");
    await this.world.follow(chief, `form[action="${draft}/approve"] button`);
    if (chief.url().includes("/confirm")) {
      await this.look(chief, "confirm");
      await this.world.confirm(chief, desk.people.chief);
      if (!chief.url().includes("/sent")) await this.world.follow(chief, `form[action="${draft}/approve"] button`);
    }
    await this.world.still(chief);
    await this.world.sync();
    await chief.goto(origin + draft + "/sent");
    this.world.expect(`${name} is sent (${this.lang})`, await chief.locator("main .ed-panel").count() === 1, await main(chief));
    await this.look(chief, "sent");
  }

  // read opens the newest message of the other side and expects words in it.
  async read(desk, name, text) {
    const { writer, origin } = desk;
    await writer.goto(origin + this.case);
    await this.look(writer, `case-${name}`);
    await this.world.follow(writer, "header.ed-glance p.ed-actions a[href^='/messages/']");
    await this.look(writer, "closed");
    await this.world.follow(writer, "form[action$='/open'] button");
    this.world.expect(`${name} says what was written (${this.lang})`, (await main(writer)).includes(text), await main(writer));
    await this.look(writer, name === "delivery" ? "open-delivery" : "open");
  }
}

// english returns sentences that were left in English, as far as one can tell:
// three plain words that are nobody's text and no value.
async function english(page) {
  return page.evaluate(() => {
    const bad = [], walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    for (let n = walker.nextNode(); n; n = walker.nextNode()) {
      if (n.parentElement.closest("bdi, time, kbd, code, pre, script, noscript, textarea, [lang]:not(html), .ed-mono, .ed-v")) continue;
      const text = n.textContent.trim();
      if (/[a-z]{3,} [a-z]{2,} [a-z]{2,}/.test(text)) bad.push(`in English: "${text.slice(0, 80)}"`);
    }
    return bad.slice(0, 5);
  });
}

// setUp makes the officers of a desk, through its pages.
async function setUp(world, party) {
  const { origin, setup } = world.desks[party];
  const { admin, writer, chief } = people[party];
  const head = await world.visit();
  await world.takeUp(head, setup, admin);
  await world.invite(head, origin, admin, writer, ["drafter"]);
  await world.invite(head, origin, admin, chief, ["approver"]);
  await head.context().close();
  const desk = { origin, people: people[party], writer: await world.visit({ acceptDownloads: true }), chief: await world.visit() };
  await world.takeUp(desk.writer, writer.link, writer);
  await world.takeUp(desk.chief, chief.link, chief);
  await world.authenticator(desk.chief);
  await desk.chief.goto(`${origin}/security/passkeys/new`);
  await world.confirm(desk.chief, chief);
  await desk.chief.fill("#name", "Key in the office");
  await world.follow(desk.chief, "main form button.ed-button");
  return desk;
}

// enter signs the officers of a desk out and in: one with password and code, the
// other with a passkey.
async function enter(trip, desk) {
  const { world } = trip;
  const { writer, chief, origin } = desk;
  for (const page of [writer, chief]) {
    await page.goto(origin);
    await trip.speak(page);
    await world.follow(page, ".ed-header form button");
  }
  await trip.look(writer, "sign-in");
  await world.signIn(writer, origin, desk.people.writer);
  await Promise.all([chief.waitForURL(`${origin}/`), chief.click("form[data-passkey] button")]);
  world.expect(`signed in with a passkey (${trip.lang})`, (await chief.locator(".ed-header__name").innerText()) === desk.people.chief.name);
  await trip.look(writer, "home");
}

// request writes a request for preservation, has it approved, and returns when the
// other desk has it.
async function request(trip) {
  const { world, QM: desk, words: w } = trip, page = desk.writer;
  await world.follow(page, ".ed-nav a[href='/drafts/new']");
  await trip.look(page, "new");
  await trip.fill(page, { urgency: "E1_URGENT_VOLATILE", kind: "T01" });
  await world.follow(page, "main form button.ed-button");
  await trip.look(page, "recipient");
  await trip.fill(page, { to: "QN.24-7" });
  await world.follow(page, "main form button.ed-button");
  const offence = page.locator("[name='/offences/0/code'] option").nth(1);
  await trip.fill(page, {
    "/urgency_reason/code": "RETENTION", "/urgency_reason/until": "2027-01-31T12:00:00", "/confidentiality": "CONFIDENTIAL", "/own_ref": `QM-24/7-${trip.lang}`,
    "/offences/0/code": await offence.getAttribute("value"), "/narrative/text": w.facts, "/measures/0/preservation/data/0/category": "traffic",
    "/measures/0/preservation/data/0/account": "harbour-17@mail.example", "/measures/0/preservation/relation/text": w.relation,
    "/measures/0/preservation/necessity/text": w.necessity, "/measures/0/preservation/mla_intended": true,
  });
  await trip.look(page, "write-request");
  await world.follow(page, "main form[data-autosave] .ed-actions button");
  if (!page.url().includes("/check")) { // more is needed because of what was chosen
    await trip.fill(page, { "/offences/0/max_penalty_months": "96" });
    await world.follow(page, "main form[data-autosave] .ed-actions button");
  }
  await trip.send(desk, "request");
}

// deliver brings a file, seals it, and sends the last delivery.
async function deliver(trip, data) {
  const { world, QN: desk, words: w } = trip, page = desk.writer;
  await trip.reply(desk, "deliver", { kind: "delivery", final: true }, { "/results/0/result": "executed" }, async () => {
    await page.goto(desk.origin + draftOf(page));
    await trip.look(page, "draft-deliver");
    await world.follow(page, "main a[href$='/files']");
    await page.setInputFiles("#files", { name: w.file, mimeType: "application/octet-stream", buffer: data });
    await trip.look(page, "files-chosen");
    await world.follow(page, "form[data-upload] .ed-actions button");
    await trip.fill(page, { measure: "1", description: w.what, origin: w.origin, acquired_by: w.by, acquired_at: "2026-11-25T09:00", method: w.method });
    await trip.look(page, "files-brought");
    await world.follow(page, "form[action$='/files/seal'] button");
    await page.locator("main .ed-actions a[href^='/drafts/']").waitFor();
    await trip.look(page, "files-sealed");
    await world.follow(page, "main .ed-actions a[href^='/drafts/']");
    await world.follow(page, "main .ed-actions a.ed-button");
  });
}

// verify fetches the evidence, and compares what comes out of the page.
async function verify(trip, data) {
  const { world, QM: desk } = trip, page = desk.writer;
  await page.goto(desk.origin + trip.case);
  await trip.look(page, "case-evidence");
  await world.follow(page, "main table a[href*='/evidence/']");
  await trip.look(page, "evidence-expected");
  await world.follow(page, "form[action$='/fetch'] button");
  await trip.look(page, "evidence-fetching");
  await world.sync();
  await page.reload();
  await trip.look(page, "evidence-verified");
  const button = "form[action$='/file'] button";
  if (!await page.locator(button).count()) throw new Error(await main(page));
  const package_ = page.url();
  let [file] = await Promise.all([Promise.race([page.waitForEvent("download"), page.waitForEvent("framenavigated").then(() => null)]), page.click(button)]);
  if (!file) {
    await world.confirm(page, desk.people.writer);
    await page.goto(package_);
    [file] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  }
  const got = await readFile(await file.path());
  world.expect(`the evidence is what was sent (${trip.lang})`, got.equals(data), `${got.length} bytes, SHA-256 ${createHash("sha256").update(got).digest("hex")}`);
  world.expect(`the file has its name (${trip.lang})`, file.suggestedFilename() === trip.words.file, file.suggestedFilename());
  await world.follow(page, "form[action$='/receipt'] button");
  await trip.send(desk, "confirm");
}

// go takes a case from its request to its end.
async function go(world, lang, desks) {
  const trip = new Trip(world, lang, desks), { QM, QN } = desks, w = trip.words;
  await enter(trip, QM);
  await enter(trip, QN);
  await request(trip);

  await QN.writer.goto(`${QN.origin}/inbox`);
  await trip.look(QN.writer, "inbox");
  trip.case = await QN.writer.locator("[data-row] a[href^='/cases/']").first().getAttribute("href");
  await trip.read(QN, "request", w.facts);
  await trip.reply(QN, "acknowledge", null, { "/reference": `QN-${lang}`, "/next_step/text": w.next });
  await trip.reply(QN, "ask", null, { "/questions/0/text/text": w.question });
  await trip.read(QM, "question", w.question);
  await trip.reply(QM, "answer", null, { "/answers/0/text/text": w.answer });
  await trip.read(QN, "answer", w.answer);
  await trip.reply(QN, "offer", { kind: "condition-offer" }, { "/conditions/0/type": "use", "/conditions/0/text/text": w.condition });
  await trip.read(QM, "offer", w.condition);
  await trip.reply(QM, "respond", { kind: "condition-answer" }, { "/answers/0/accepted": true });
  await trip.reply(QN, "deliver", { kind: "preserved" }, {
    "/reference": `QN-${lang}`, "/items/0/categories": "traffic", "/items/0/data/text": w.kept, "/items/0/from": "2026-11-24T09:00:00",
    "/items/0/until": "2027-02-28T09:00:00", "/items/0/order": "QN-2026-88", "/items/0/user_notified": "no",
  });
  const data = randomBytes(5 << 20);
  await deliver(trip, data);
  await trip.read(QM, "delivery", w.what);
  await verify(trip, data);
  await trip.reply(QM, "close", null, { "/outcome": "executed" });
  for (const desk of [QM, QN]) {
    await desk.writer.goto(desk.origin + trip.case);
    world.expect(`the case is closed on both desks (${lang})`, await desk.writer.locator("header .ed-tag--plain").count() > 0, await main(desk.writer));
    await trip.look(desk.writer, desk === QM ? "case-closed-ours" : "case-closed-theirs");
  }
}

export default async function (world) {
  const desks = { QM: await setUp(world, "QM"), QN: await setUp(world, "QN") };
  for (const lang of ["en", "ar", "zh-Hans"]) {
    const begun = Date.now();
    await go(world, lang, desks);
    console.error(`the journey in ${lang}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }
}
