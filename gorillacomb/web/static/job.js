// Follow a job: its stage and figures as they come, and the whole page again at its end.
import { headers } from "/static/page.js";

const place = document.getElementById("follow");
const bar = document.getElementById("bar");
const sizes = ["B", "kB", "MB", "GB", "TB", "PB"];

function size(bytes) {
  let unit = 0;
  while (bytes >= 1000 && unit < sizes.length - 1) { bytes /= 1000; unit += 1; }
  return unit === 0 ? `${bytes} B` : `${bytes.toFixed(1)} ${sizes[unit]}`;
}

function show(job, seconds) {
  const now = job.progress;
  const figures = document.getElementById("figures");
  if (now === null) { figures.textContent = `${Math.floor(seconds)} s so far`; return; }
  document.getElementById("stage").textContent = now.stage;
  const [done, total] = now.total_bytes ? [now.bytes, now.total_bytes] : [now.files, now.total_files];
  if (total) { bar.max = total; bar.value = Math.min(done, total); } else bar.removeAttribute("value");
  const left = now.seconds_left === null ? "" : `, about ${Math.ceil(now.seconds_left)} s left in this stage`;
  figures.textContent =
    `${now.files.toLocaleString()} files, ${size(now.bytes)}${left}`;
}

async function follow() {
  const begun = performance.now();
  for (;;) {
    const answer = await fetch(`/api/v1/jobs/${place.dataset.job}`, { headers: headers() });
    if (answer.status === 401) {
      document.getElementById("state").textContent = "The session has ended.";
      return;
    }
    if (answer.ok) {
      const job = await answer.json();
      show(job, (performance.now() - begun) / 1000);
      if (job.state !== "queued" && job.state !== "running") { location.reload(); return; }
    }
    await new Promise((resume) => setTimeout(resume, document.hidden ? 5000 : 300));
  }
}

if (place !== null) await follow();
