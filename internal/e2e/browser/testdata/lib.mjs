// What scenarios share.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export class World {
  static async open(input) {
    const world = new World();
    Object.assign(world, input);
    const require = createRequire(path.join(input.modules, "x.js"));
    const { chromium } = require("playwright-core");
    world.axeSource = fs.readFileSync(path.join(input.modules, "axe-core", "axe.min.js"), "utf8");
    world.browser = await chromium.launch({ executablePath: input.chromium, args: flags }); // in a fresh profile
    world.results = [];
    world.limit = 100_000; // bytes of a page
    if (input.artefacts) fs.mkdirSync(input.artefacts, { recursive: true });
    return world;
  }

  async close() { await this.browser.close(); }

  // check records what is wrong with something; nothing is a pass.
  check(name, bad) { this.results.push({ name, bad: bad.map(String) }); }

  // expect is check of one condition.
  expect(name, good, detail = "") { this.check(name, good ? [] : [detail || "it is not so"]); }

  // follow clicks, and waits for the page that it leads to.
  async follow(page, selector) {
    await Promise.all([page.waitForNavigation(), page.click(selector)]);
  }

  // once reports whether something is looked at for the first time: what axe finds
  // is the same at every width.
  once(what) {
    this.looked ??= new Set();
    const first = !this.looked.has(what);
    this.looked.add(what);
    return first;
  }

  // visit opens a browser of its own. Whatever the policy of the pages stops, and
  // every error of a script, is kept in page.wrong.
  async visit(options = {}) {
    const context = await this.browser.newContext({
      ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 }, locale: "en", reducedMotion: "reduce", ...options,
    });
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    page.wrong = [];
    page.on("pageerror", (e) => page.wrong.push(`script: ${e.message}`));
    page.on("console", (m) => { if (/Content Security Policy|Trusted/i.test(m.text())) page.wrong.push(m.text()); });
    page.on("request", (r) => {
      if (!Object.values(this.desks).some((d) => r.url().startsWith(d.origin)) && !r.url().startsWith("blob:")) page.wrong.push(`asks elsewhere: ${r.url()}`);
    });
    return page;
  }

  // code is what a second factor shows now.
  async code(secret) { return (await fetch(`${this.clock}/code?secret=${encodeURIComponent(secret)}`)).text(); }

  // pass moves the clock of everybody.
  async pass(seconds) { await fetch(`${this.clock}/pass?seconds=${seconds}`); }

  // sync has every desk send and fetch.
  async sync() {
    const answer = await fetch(`${this.clock}/sync`);
    this.expect("the desks send and fetch", answer.ok, await answer.text());
  }

  // takeUp takes up an invitation through its page, and returns the user.
  async takeUp(page, link, user) {
    await page.goto(link);
    user.secret = await page.locator(".ed-secret").innerText();
    if (await page.locator("#login").count()) {
      await page.fill("#name", user.name);
      await page.fill("#login", user.login);
    }
    await page.fill("#password", user.password);
    await page.fill("#repeat", user.password);
    await page.fill("#factor", await this.code(user.secret));
    await this.follow(page, "main form button.ed-button");
    return user;
  }

  // signIn signs a user in with password and code.
  async signIn(page, origin, user) {
    await page.goto(`${origin}/sign-in`);
    await page.fill("#login", user.login);
    await page.fill("#password", user.password);
    await page.fill("#code", await this.code(user.secret));
    await this.follow(page, "form[action='/sign-in'] button");
  }

  // confirm proves anew who somebody is, if the page asks for it.
  async confirm(page, user) {
    if (!new URL(page.url()).pathname.startsWith("/confirm")) return;
    await page.fill("#password", user.password);
    await page.fill("#code", await this.code(user.secret));
    await this.follow(page, "form[action='/confirm'] button");
  }

  // invite makes a user through the page of an administrator; returns the user
  // with the link of the invitation.
  async invite(page, origin, admin, user, roles) {
    await page.goto(`${origin}/users/new`);
    await this.confirm(page, admin);
    await page.fill("#name", user.name);
    await page.fill("#login", user.login);
    for (const role of roles) await page.check(`#role-${role}`);
    await this.follow(page, "main form button.ed-button");
    user.link = (await page.locator(".ed-secret").innerText()).trim();
    return user;
  }

  // authenticator gives a page a device that holds passkeys and verifies its user.
  async authenticator(page, verified = true) {
    const session = await page.context().newCDPSession(page);
    await session.send("WebAuthn.enable");
    const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
        isUserVerified: verified, automaticPresenceSimulation: true,
      },
    });
    return { session, id: authenticatorId };
  }

  // still stops a page that loads itself again: it would be gone while it is looked
  // at, or go where it wants while it is sent elsewhere.
  async still(page) {
    for (;;) {
      try {
        await page.evaluate(() => {
          if (!document.querySelector("[data-refresh]")) return;
          for (let timer = setTimeout(() => {}); timer > 0; timer--) clearTimeout(timer);
          window.stop();
        });
        return;
      } catch (e) {
        if (!e.message.includes("context was destroyed")) throw e;
        await page.waitForLoadState(); // it was about to
      }
    }
  }

  // axe returns what breaks WCAG 2.2 A and AA on a page.
  async axe(page) {
    await this.still(page);
    await page.evaluate(`{ const module = undefined, exports = undefined, define = undefined; ${this.axeSource} }`);
    const { violations } = await page.evaluate(() => axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"],
    }));
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).slice(0, 3).join(" | ")}`);
  }

  // overflow returns what is wider than the window.
  async overflow(page) {
    await this.still(page);
    return page.evaluate(() => {
      const wide = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= wide) return [];
      return [...document.querySelectorAll("body *")].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.width && (box.right > wide + 1 || box.left < -1) && !e.closest(".ed-unseen, .ed-skip, thead, .ed-languages legend");
      }).slice(0, 5).map((e) => `${e.tagName}.${e.className} "${e.textContent.trim().slice(0, 40)}"`);
    });
  }

  // heavy says so if a page with all that it loads, as it travels, is more than
  // the limit; of fonts, which browsers keep for a year, the first visit alone pays.
  async heavy(page) {
    const sum = await page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .filter((e) => !e.name.endsWith(".woff2") && e.initiatorType !== "fetch").reduce((n, e) => n + e.encodedBodySize, 0));
    this.heaviest = Math.max(this.heaviest ?? 0, sum);
    return sum > this.limit ? [`${sum} bytes`] : [];
  }

  // small returns targets that a thumb misses (2.5.8 asks for 24 pixels; links in
  // sentences are free).
  async small(page) {
    return page.evaluate(() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width && getComputedStyle(e).display !== "inline" && (box.height < 23.5 || box.width < 23.5);
    }).map((e) => `${e.tagName} "${e.textContent.trim().slice(0, 30)}" is small`));
  }

  // keyboard walks a page with the tabulator: everything that can be used gets the
  // focus, is in the window when it has it, and shows it.
  async keyboard(page) {
    const total = await page.evaluate(() => {
      document.activeElement?.blur();
      let n = 0;
      for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
        // Of radio buttons of one name, one takes part in the walk.
        const group = e.type === "radio" ? [...document.getElementsByName(e.name)] : [e];
        if (e !== (group.find((r) => r.checked) ?? group[0]) || e.tabIndex < 0) continue;
        if (e.checkVisibility({ visibilityProperty: true }) && !e.disabled && !e.closest("dialog:not([open])")) e.dataset.walk = String(n++);
      }
      return n;
    });
    const seen = new Set(), bad = [];
    for (let i = 0; i < total + 5 && seen.size < total; i++) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
        return {
          walk: e.dataset.walk, name: `${e.tagName} "${e.textContent.trim().slice(0, 30)}"`,
          within: box.bottom > 0 && box.top < innerHeight, ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        };
      });
      if (at.walk === undefined) continue;
      seen.add(at.walk);
      if (!at.within) bad.push(`${at.name} has the focus out of sight`);
      if (!at.ring) bad.push(`${at.name} does not show the focus`);
    }
    if (seen.size < total) bad.push(`${total - seen.size} of ${total} cannot be reached`);
    return bad;
  }

  // fonts returns the fonts of a page that are not its own: on another machine it
  // would look different, or show boxes.
  async fonts(page) {
    await page.evaluate(() => document.fonts.ready);
    page.fontSession ??= await page.context().newCDPSession(page);
    const { fontSession: cdp } = page;
    await cdp.send("DOM.enable");
    await cdp.send("CSS.enable");
    const { root } = await cdp.send("DOM.getDocument");
    const { nodeIds } = await cdp.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector: "h1, h2, p, label, legend, a, button, dt, dd, th, td" });
    const bad = new Set();
    for (const { fonts } of await Promise.all(nodeIds.map((nodeId) => cdp.send("CSS.getPlatformFontsForNode", { nodeId })))) {
      for (const f of fonts) if (!f.isCustomFont && !/Mono/.test(f.familyName)) bad.add(`${f.glyphCount} glyphs in ${f.familyName || "no font"}`);
    }
    await cdp.send("CSS.disable");
    return [...bad];
  }

  // hardcoded returns words that are not of the catalogue: in the pseudo-locale
  // everything that is stands in brackets. Labels of code lists and of members are the
  // convention's, which the pseudo-locale leaves as they are.
  async hardcoded(page) {
    return page.evaluate((labels) => {
      const known = new Set(labels.map((l) => l.toLowerCase()));
      const ofCodes = (text) => text.split(/ [–·] |: |, /).every((part) => known.has(part.trim().toLowerCase()) || !/\p{L}{3}/u.test(part));
      const bad = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let n = walker.nextNode(); n; n = walker.nextNode()) {
        const text = n.textContent.trim();
        if (!/\p{L}{3}/u.test(text) || n.parentElement.closest("bdi, time, kbd, code, pre, script, noscript, textarea, option[value], [dir=auto], [lang]:not(html), .ed-brand, .ed-header__name, .ed-first, .ed-note, .ed-part dd, .ed-letter")) continue;
        if (ofCodes(text)) continue;
        if (!/^\[.*\]/s.test(text) && !/\[.*\]$/s.test(text)) bad.push(`not of the catalogue: "${text.slice(0, 60)}"`);
      }
      return bad;
    }, this.labels);
  }

  // untranslated returns words of a page in Arabic that are in Latin letters, labels of
  // the convention included; what people wrote, names and codes stand in elements of
  // their own.
  async untranslated(page) {
    return page.evaluate(() => {
      const bad = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let n = walker.nextNode(); n; n = walker.nextNode()) {
        const text = n.textContent.trim();
        if (!/\p{Script=Latin}{4}/u.test(text) || n.parentElement.closest("bdi, time, kbd, code, pre, script, noscript, textarea, option, [dir=auto], [lang]:not(html), .ed-brand, .ed-note, .ed-members dd, .ed-letter")) continue;
        bad.push(`not translated: "${text.slice(0, 60)}"`);
      }
      return bad;
    });
  }

  // shot keeps a picture of a page, where somebody wants them.
  async shot(page, name) {
    if (!this.artefacts) return;
    await page.screenshot({ path: path.join(this.artefacts, `${name}.png`), fullPage: true });
  }
}
