// Follow a job: its stage and figures as they come, and the whole page again at its end.
import { size } from "/static/figures.js";
import { element, headers } from "/static/page.js";

/** @typedef {{stage: string, files: number, bytes: number, total_files: number | null, total_bytes: number | null,
 *   seconds_left: number | null}} Progress */

/** @param {Progress | null} now  @param {number} seconds  since the page was loaded */
function show(now, seconds) {
  const figures = element("figures");
  if (now === null) { figures.textContent = `${Math.floor(seconds)} s so far`; return; }
  element("stage").textContent = now.stage;
  const bar = /** @type {HTMLProgressElement} */ (element("bar"));
  const [done, total] = now.total_bytes ? [now.bytes, now.total_bytes] : [now.files, now.total_files];
  if (total) { bar.max = total; bar.value = Math.min(done, total); } else bar.removeAttribute("value");
  const left = now.seconds_left === null ? "" : `, about ${Math.ceil(now.seconds_left)} s left in this stage`;
  figures.textContent = `${now.files.toLocaleString()} files, ${size(now.bytes)}${left}`;
}

/** @param {string} id  of the job */
async function follow(id) {
  const begun = performance.now();
  for (;;) {
    const answer = await fetch(`/api/v1/jobs/${id}`, { headers: headers() });
    if (answer.status === 401) {
      element("figures").textContent = "The session has ended.";
      return;
    }
    if (answer.ok) {
      const job = await answer.json();
      show(job.progress, (performance.now() - begun) / 1000);
      if (job.state !== "queued" && job.state !== "running") { location.reload(); return; }
    }
    await new Promise((resume) => setTimeout(resume, document.hidden ? 5000 : 300));
  }
}

const followed = document.getElementById("follow")?.dataset.job;
if (followed !== undefined) await follow(followed);
