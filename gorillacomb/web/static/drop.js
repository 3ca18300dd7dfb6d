// Drop: files go one by one, are hashed by the server and not stored; the new ones are sent again to be kept.
import { count, size } from "/static/figures.js";
import { element as $, headers } from "/static/page.js";

const API = "/api/v1/drop";
const ASKED_AT_ONCE = 500;
const SENT_AT_ONCE = 3;
const SHOWN = 200;

/** @typedef {{name: string, file: File | null}} Chosen  what a person dropped; null if it cannot be read */
/** @typedef {{path?: string, path_b64?: string, cause?: string}} Place */
/** @typedef {{path: string, bytes: number, blake3: string, state: string, copy: Place | null, file: File | null}} Entry */
/** @typedef {{path: string, cause: string}} Left */

class Refused extends Error {
  /** @param {number} status  @param {string} detail */
  constructor(status, detail) { super(detail); this.status = status; }
}

/** Send a request; raise Refused with what the server says if it does not do it.
 *  @param {string} method  @param {string} path  @param {BodyInit | null} body  @param {AbortSignal} [signal]
 *  @param {string} [type]
 *  @returns {Promise<any>} */
async function send(method, path, body, signal, type = "application/octet-stream") {
  const answer = await fetch(path, {
    method, body, signal, headers: { ...headers(), ...(body === null ? {} : /** @type {Record<string, string>} */ ({ "Content-Type": type })) },
  });
  const text = await answer.text();
  const found = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, found === null ? answer.statusText : found.detail);
  return found;
}
/** @param {string} path  @param {unknown} value  @param {AbortSignal} signal */
const sendJson = (path, value, signal) => send("POST", path, JSON.stringify(value), signal, "application/json");

/** All files in a dropped entry; a folder lists at most a hundred at a time.
 *  @param {FileSystemEntry} entry  @param {string} around
 *  @returns {AsyncGenerator<Chosen>} */
async function* filesIn(entry, around) {
  const name = around + entry.name;
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    yield { name, file: await new Promise((found) => one.file(found, () => found(null))) };
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[] | null} */
    const some = await new Promise((found) => reader.readEntries(found, () => found(null)));
    if (some === null) { yield { name, file: null }; return; }  // it cannot be read, and is told
    if (some.length === 0) return;
    for (const each of some) yield* filesIn(each, `${name}/`);
  }
}

/** Do something with each, a few at the same time, in order of their beginning.
 *  @template T  @param {T[]} items  @param {(item: T) => Promise<void>} work */
async function each(items, work) {
  let next = 0;
  const worker = async () => { while (next < items.length) await work(items[next++]); };
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, worker));
}

const bar = () => /** @type {HTMLProgressElement} */ ($("bar"));

class Progress {
  /** @param {string} stage  @param {number} files  @param {number} bytes */
  constructor(stage, files, bytes) {
    this.files = this.bytes = 0;
    this.total = [files, bytes];
    $("stage").textContent = stage;
    bar().max = Math.max(bytes, 1);
    this.show();
  }
  /** @param {number} bytes */
  advance(bytes) { this.files += 1; this.bytes += bytes; this.show(); }
  show() {
    bar().value = this.bytes;
    $("figures").textContent =
      `${this.files.toLocaleString()} of ${count(this.total[0], "file")}, ${size(this.bytes)} of ${size(this.total[1])}`;
  }
}

/** @param {Chosen} chosen */
const isZip = (chosen) => !chosen.name.includes("/") && /\.zip$/i.test(chosen.name);
/** @param {{bytes?: number, file: File | null}[]} items */
const sum = (items) => items.reduce((all, one) => all + (one.bytes ?? one.file?.size ?? 0), 0);
let stopping = new AbortController();

/** @param {unknown} error */
const isAborted = (error) => error instanceof DOMException && error.name === "AbortError";

class Drop {
  constructor() {
    /** @type {Entry[]} */ this.entries = [];
    /** @type {Left[]} */ this.left = [];
    /** @type {string | null} */ this.spool = null;
    /** @type {Set<string>} */ this.digests = new Set();
  }

  /** @param {Chosen[]} chosen  @param {AbortSignal} signal */
  async read(chosen, signal) {
    const progress = new Progress("Reading", chosen.length, sum(chosen));
    /** @type {{path: string, bytes: number, blake3: string, file: File | null}[]} */
    const waiting = [];
    const ask = async () => {
      const asked = waiting.splice(0);
      if (asked.length === 0) return;
      const files = asked.map(({ path, bytes, blake3 }) => ({ path, bytes, blake3 }));
      const { items } = await sendJson(API, { files }, signal);
      for (const [at, one] of asked.entries()) this.take({ ...items[at], path: one.path, file: one.file });
    };
    await each(chosen.filter((one) => !isZip(one)), async (one) => {
      const found = await this.hash(one, signal);
      progress.advance(one.file?.size ?? 0);
      if (found === null) return;
      waiting.push({ ...found, file: one.file });
      if (waiting.length >= ASKED_AT_ONCE) await ask();
    });
    await ask();
    for (const one of chosen.filter(isZip)) {
      await this.attempt(one.name, () => this.store(one.name, one.file, "", signal));
      progress.advance(one.file?.size ?? 0);
    }
    if (this.spool !== null) {
      $("stage").textContent = "Looking into zips";
      const found = await send("GET", `${API}/spools/${this.spool}`, null, signal);
      for (const item of found.items) this.take({ ...item, file: null });
      this.left.push(...found.left_out);
    }
  }

  /** Repetitions are told from new ones here: the server sees each batch for itself.
   *  @param {Entry} entry */
  take(entry) {
    if (entry.state === "new") {
      if (this.digests.has(entry.blake3)) entry.state = "repeated";
      else this.digests.add(entry.blake3);
    }
    this.entries.push(entry);
  }

  /** What the work returns, or null, and why, if it did not succeed for a reason of its own.
   *  @param {string} path  @param {() => Promise<any>} work */
  async attempt(path, work) {
    try {
      return await work();
    } catch (error) {
      if (isAborted(error)) throw error;
      if (error instanceof Refused && (error.status === 401 || error.status >= 500)) throw error;
      const cause = error instanceof Refused ? error.message : "cannot be read, or changed while it was sent";
      this.left.push({ path, cause });
      return null;
    }
  }

  /** @param {Chosen} one  @param {AbortSignal} signal */
  hash(one, signal) {
    return this.attempt(one.name, async () => {
      if (one.file === null) throw new TypeError();
      if (one.file.size > Number($("drop").dataset.most)) throw new Refused(413, "is too large to be sent");
      const query = new URLSearchParams({ path: one.name, look_up: "false" });
      return send("POST", `${API}/files?${query}`, one.file, signal);
    });
  }

  /** @param {string} name  @param {File | null} file  @param {string} more  @param {AbortSignal} signal */
  async store(name, file, more, signal) {
    if (this.spool === null) this.spool = (await send("POST", `${API}/spools`, null, signal)).id;
    const query = new URLSearchParams({ path: name });
    return send("POST", `${API}/spools/${this.spool}/files?${query}${more}`, file, signal);
  }

  /** @param {string} state */
  of(state) { return this.entries.filter((entry) => entry.state === state); }

  /** @param {Place} into  @param {AbortSignal} signal
   *  @returns {Promise<string | null>} the job; null if nothing is left to keep */
  async keep(into, signal) {
    const wanted = this.of("new").filter((entry) => entry.file !== null);
    const progress = new Progress("Sending the new ones", wanted.length, sum(wanted));
    const before = this.left.length;
    if (this.spool === null) this.spool = (await send("POST", `${API}/spools`, null, signal)).id;
    await each(wanted, async (entry) => {
      const more = `&bytes=${entry.bytes}&blake3=${entry.blake3}`;
      const sent = await this.attempt(entry.path, () => this.store(entry.path, entry.file, more, signal));
      if (sent === null) entry.state = "left";
      progress.advance(entry.bytes);
    });
    if (this.left.length > before && this.of("new").length === 0) return null;
    const job = await sendJson(`${API}/spools/${this.spool}/keep`, { into }, signal);
    this.spool = null;
    return job.id;
  }

  async forget() {
    if (this.spool !== null) await send("DELETE", `${API}/spools/${this.spool}`, null);
    this.spool = null;
  }
}

const before = /** @type {[string, string]} */ ([$("headline").textContent, $("lead").textContent]);

/** Say something at the top of the page, where it is read first.
 *  @param {string} headline  @param {string} lead */
function say(headline, lead) {
  $("headline").textContent = headline;
  $("lead").textContent = lead;
}

/** @param {string} text  @param {string} name */
function cell(text, name) {
  const made = document.createElement("td");
  const inner = document.createElement("span");
  inner.className = name;
  inner.textContent = text;
  made.append(inner);
  return made;
}

/** @template T  @param {string} title  @param {T[]} entries  @param {string[]} columns
 *  @param {(entry: T) => HTMLTableCellElement[]} row */
function list(title, entries, columns, row) {
  if (entries.length === 0) return;
  const heading = document.createElement("h2");
  heading.textContent = title;
  const table = document.createElement("table");
  table.className = "wide";
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const made = document.createElement("th");
    made.scope = "col";
    made.textContent = column;
    head.append(made);
  }
  const body = table.createTBody();
  for (const entry of entries.slice(0, SHOWN)) body.insertRow().append(...row(entry));
  $("lists").append(heading, table);
  if (entries.length > SHOWN) {
    const more = document.createElement("p");
    more.className = "soft";
    more.textContent = `and ${(entries.length - SHOWN).toLocaleString()} more`;
    $("lists").append(more);
  }
}

/** @param {Place} document_ */
function shownPath(document_) {
  return document_.path ?? `(not UTF-8) ${document_.path_b64}`;
}

/** @param {Place} copy */
function copyCell(copy) {
  const made = cell("", "path");
  const link = document.createElement("a");
  const query = new URLSearchParams(copy.path === undefined ? { path_b64: copy.path_b64 ?? "" } : { path: copy.path });
  link.href = `/explain?${query}`;
  link.textContent = shownPath(copy);
  made.firstElementChild?.append(link);
  return made;
}

/** @param {Drop} drop */
function show(drop) {
  const fresh = drop.of("new"), have = drop.of("have"), repeated = drop.of("repeated");
  const all = drop.entries.length;
  const empty = drop.of("empty").length;
  say(
    all === 0 ? "There is no file in it."
      : fresh.length === 0 ? "Nothing is new."
        : `${count(fresh.length, "file")} of ${all.toLocaleString()} ${fresh.length === 1 ? "is" : "are"} new.`,
    `${count(all, "file")}, ${size(sum(drop.entries))}, ${all === 1 ? "was" : "were"} compared by content.`
      + (empty === 0 ? "" : ` ${empty.toLocaleString()} of them ${empty === 1 ? "is" : "are"} empty.`),
  );
  for (const [id, some] of Object.entries({ "new-sum": fresh, "have-sum": have, "repeated-sum": repeated })) {
    const small = document.createElement("small");
    small.textContent = size(sum(some));
    $(id).replaceChildren(some.length.toLocaleString(), small);
  }
  $("left-sum").textContent = drop.left.length.toLocaleString();
  $("keep").hidden = $("keep-note").hidden = fresh.length === 0;
  $("lists").replaceChildren();
  const isKnown = fresh.some((entry) => entry.copy !== null);
  list("New", fresh, ["File", "Size", ...(isKnown ? ["Known copy that does not count"] : [])], (entry) => [
    cell(shownPath(entry), "path"), cell(size(entry.bytes), "num"),
    ...(isKnown ? [cell(entry.copy === null ? "" : `${shownPath(entry.copy)}: ${entry.copy.cause ?? ""}`, "soft")] : []),
  ]);
  list("Already here", have, ["File", "Size", "Where"], (entry) => [
    cell(shownPath(entry), "path"), cell(size(entry.bytes), "num"), copyCell(entry.copy ?? {}),
  ]);
  list("Not looked at", drop.left, ["File", "Why"], (entry) => [
    cell(shownPath(entry), "path"), cell(entry.cause, ""),
  ]);
}

/** @param {string} name */
function stageOf(name) {
  if (name !== "result") say(...before);
  for (const each of ["target", "working", "result"]) $(each).hidden = each !== name;
}

/** @param {unknown} error */
function failed(error) {
  $("lists").replaceChildren();
  const isOver = error instanceof Refused && error.status === 401;
  const why = error instanceof Error ? error.message : String(error);
  say(isOver ? "The session has ended. Log in again." : why, "Nothing was kept.");
  $("keep").hidden = $("keep-note").hidden = true;
  stageOf("result");
  $("headline").focus();
}

let drop = new Drop();

/** @param {(signal: AbortSignal) => Promise<void>} what */
async function work(what) {
  stopping = new AbortController();
  stageOf("working");
  try {
    await what(stopping.signal);
  } catch (error) {
    if (!isAborted(error)) { failed(error); return; }
    await drop.forget().catch(() => undefined);  // it is removed after a while anyway
    drop = new Drop();
    stageOf("target");
  }
}

/** @param {Chosen[]} chosen */
function look(chosen) {
  if (chosen.length === 0) return;
  drop = new Drop();
  void work(async (signal) => {
    await drop.read(chosen, signal);
    show(drop);
    stageOf("result");
    $("headline").focus();
  });
}

function keepNew() {
  const root = /** @type {HTMLSelectElement} */ ($("root"));
  const query = new URLSearchParams(root.selectedOptions[0]?.dataset.query);
  void work(async (signal) => {
    const job = await drop.keep(Object.fromEntries(query), signal);
    if (job !== null) { location.assign(`/jobs/${job}`); return; }
    show(drop);
    stageOf("result");
  });
}

if (document.getElementById("drop") !== null) {
  $("drop").hidden = false;
  $("plain").remove();
  for (const [button, name] of Object.entries({ "choose-files": "files", "choose-folder": "folder" })) {
    const input = /** @type {HTMLInputElement} */ ($(name));
    $(button).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      look(Array.from(input.files ?? [], (file) => ({ name: file.webkitRelativePath || file.name, file })));
      input.value = "";
    });
  }
  $("cancel").addEventListener("click", () => stopping.abort());
  $("keep-new").addEventListener("click", keepNew);
  $("again").addEventListener("click", async () => {
    await drop.forget().catch(() => undefined);
    stageOf("target");
  });
  for (const name of ["dragover", "dragenter"]) {
    addEventListener(name, (event) => { event.preventDefault(); $("target").classList.add("over"); });
  }
  addEventListener("dragleave", () => $("target").classList.remove("over"));
  addEventListener("drop", async (event) => {
    event.preventDefault();
    $("target").classList.remove("over");
    if ($("target").hidden) return;
    const items = Array.from(event.dataTransfer?.items ?? []).filter((item) => item.kind === "file");
    const found = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));  // later they are gone
    /** @type {Chosen[]} */
    const chosen = [];
    for (const { entry, file } of found) {
      if (entry === null) chosen.push({ name: file?.name ?? "", file });
      else for await (const one of filesIn(entry, "")) chosen.push(one);
    }
    look(chosen);
  });
}
