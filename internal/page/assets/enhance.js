// What pages do better with a script. Every page works without it. Nothing here
// writes HTML: Trusted Types are enforced and there is no policy.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// The list of errors has the focus, so that a screen reader begins with it.
document.querySelector(".ed-errors")?.focus();

// A form is sent once, and a page with unsaved changes asks before it is left.
let unsaved = false;
for (const form of all("form")) {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    if (form.method === "post") form.dataset.sent = "yes";
    unsaved = false;
    for (const button of all("button:not([type=button])", form)) button.setAttribute("aria-disabled", "true");
  });
  if ("guard" in form.dataset) form.addEventListener("input", () => { unsaved = true; });
}
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
// A page that comes back from the browser's memory can be sent again.
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of all("button", form)) button.removeAttribute("aria-disabled");
  }
});

// Buttons that need a script are shown where there is one.
for (const button of all("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
for (const button of all("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
  });
}

// Passkeys: the browser's answer goes into the form, which is then sent like any
// other.
for (const form of all("form[data-passkey]")) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  const failed = form.querySelector("[data-failed]");
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    failed.textContent = "";
    try {
      const answer = await fetch(form.dataset.options, { method: "POST" });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      const options = await answer.json();
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      failed.textContent = failed.dataset.failed;
    }
  }, { capture: true });
}

// The session: a question two minutes before it ends, and the way out after it.
const ending = document.getElementById("ending");
if (ending) {
  // Counted from here: the clock of this machine may be wrong.
  let ends = Date.now() + Number(document.body.dataset.left) * 1000;
  const count = ending.querySelector("[data-count]");
  const look = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    if (left <= 0) {
      unsaved = false;
      location.reload();
      return;
    }
    if (left <= 120 && !ending.open) ending.showModal();
    if (left > 120 && ending.open) ending.close();
    count.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  };
  setInterval(look, 1000);
  ending.querySelector("[data-go-on]").addEventListener("click", async () => {
    const answer = await fetch(document.body.dataset.stay, { method: "POST" });
    if (answer.ok) ends = Date.now() + (await answer.json()).left * 1000;
    look();
  });
}

// Keys, unless the officer has switched them off: two letters go to a page, j
// and k move through a list, / searches, ? explains.
if ("shortcuts" in document.body.dataset) {
  const pages = new Map(all("[data-keys]").map((link) => [link.dataset.keys, link.href]));
  let first = "";
  const move = (step) => {
    const rows = all("[data-row]");
    if (!rows.length) return;
    const at = rows.findIndex((row) => "here" in row.dataset);
    const to = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    for (const row of rows) delete row.dataset.here;
    to.dataset.here = "";
    to.querySelector("a")?.focus();
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
    const keys = first ? `${first} ${event.key}` : event.key;
    first = "";
    const search = document.querySelector("main input[type=search]");
    if (keys === "/" && search) {
      event.preventDefault();
      search.focus();
    } else if (pages.has(keys)) location.assign(pages.get(keys));
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "?") document.getElementById("keys")?.showModal();
    else if ([...pages.keys()].some((k) => k.startsWith(`${event.key} `))) first = event.key;
  });
}

// Pages that show what is happening: data-live is the address of a stream of
// server-sent events; on each, the part is taken anew from data-again, or the page
// is loaded anew, unless somebody is typing. The part says so when the stream is
// broken (data-stale). While it holds data-alarm, it sounds, if somebody has asked
// for that here.
const taken = (address) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest(); // reads HTML without running it
  request.open("GET", address);
  request.responseType = "document";
  request.onload = () => (request.status === 200 && request.response ? resolve(request.response) : reject(new Error(request.status)));
  request.onerror = () => reject(new Error("offline"));
  request.send();
});
for (const part of all("[data-live]")) {
  const stream = new EventSource(part.dataset.live);
  stream.addEventListener("change", async () => {
    if (unsaved || document.querySelector("dialog[open]") || document.activeElement?.closest("input, textarea, select")) return;
    if (!part.dataset.again) {
      location.reload();
      return;
    }
    try {
      const fresh = (await taken(part.dataset.again)).getElementById(part.id);
      const focus = document.activeElement?.id;
      part.replaceChildren(...fresh.childNodes);
      if (focus) document.getElementById(focus)?.focus();
    } catch (error) {
      if (error.message === "401") location.reload();
      part.dataset.stale = "";
    }
  });
  stream.addEventListener("open", () => { delete part.dataset.stale; });
  stream.addEventListener("error", () => { part.dataset.stale = ""; });
}
for (const button of all("button[data-sound]")) {
  let audio;
  button.hidden = false;
  const beep = () => {
    if (!audio || !document.querySelector("[data-alarm]")) return;
    for (const [at, pitch] of [[0, 880], [0.25, 660], [0.5, 880]]) {
      const tone = new OscillatorNode(audio, { frequency: pitch });
      const loud = new GainNode(audio, { gain: 0.2 });
      tone.connect(loud).connect(audio.destination);
      tone.start(audio.currentTime + at);
      tone.stop(audio.currentTime + at + 0.2);
    }
  };
  setInterval(beep, 4000);
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    audio?.close();
    audio = on ? new AudioContext() : undefined;
    beep();
  });
}

// Drafts save themselves a moment after somebody has typed.
for (const form of all("form[data-autosave]")) {
  const said = form.querySelector("[data-autosaved]");
  let timer = 0, saving;
  const save = async () => {
    if (form.dataset.sent) return;
    const fields = new URLSearchParams(new FormData(form));
    fields.set("auto", "1");
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      form.elements.version.value = (await answer.json()).version;
      unsaved = false;
      said.textContent = said.dataset.autosaved;
    } catch {
      said.textContent = said.dataset.failed;
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { saving ??= save().finally(() => { saving = undefined; }); }, 3000);
  });
  // What is being saved makes a new version: the form waits for it, or it would
  // contradict itself.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!saving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    saving.then(() => form.requestSubmit(event.submitter));
  }, { capture: true });
}

// A page that waits for something loads itself again, and says that nobody asked.
for (const part of all("[data-refresh]")) {
  const again = new URL(location.href);
  again.searchParams.set("again", "");
  setTimeout(() => location.replace(again), Number(part.dataset.refresh) * 1000);
}

// Files go to the desk in pieces, so that a line that breaks costs one piece.
for (const form of all("form[data-upload]")) {
  const { upload, chunk, limit, tooLarge, failed } = form.dataset;
  const bars = form.querySelector("[data-bars]");
  const bar = (name) => {
    const row = document.createElement("div");
    row.className = "ed-bar";
    const label = document.createElement("bdi");
    label.textContent = name;
    const progress = document.createElement("progress");
    progress.max = 1;
    progress.setAttribute("aria-label", name);
    const word = document.createElement("span");
    row.append(label, progress, word);
    bars.append(row);
    return { progress, word };
  };
  const send = async (file) => {
    const { progress, word } = bar(file.name);
    if (file.size > Number(limit) || file.size === 0) {
      progress.value = 0;
      word.textContent = tooLarge;
      return false;
    }
    for (let have = 0, tries = 0; have < file.size && tries < 3;) {
      const where = new URLSearchParams({ name: file.name.normalize("NFC"), offset: have, total: file.size });
      const answer = await fetch(`${upload}?${where}`, { method: "POST", body: file.slice(have, have + Number(chunk)) }).catch(() => null);
      if (!answer?.ok || answer.redirected) {
        word.textContent = failed;
        return false;
      }
      const next = (await answer.json()).have;
      tries = next === have ? tries + 1 : 0;
      have = next;
      progress.value = have / file.size;
    }
    return true;
  };
  form.addEventListener("submit", async (event) => {
    const files = [...form.elements.files.files];
    if (!files.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    let good = true;
    for (const file of files) good = await send(file) && good;
    if (good) location.reload();
  }, { capture: true });
}
