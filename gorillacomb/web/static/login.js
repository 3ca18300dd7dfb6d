// Log in with the token in the address, after it has been taken out of the address and its history.
import { keepSecret } from "/static/page.js";

async function logIn() {
  const token = location.hash.slice(1);
  if (token === "") return;
  history.replaceState(null, "", location.pathname);
  const answer = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  const said = await answer.json();
  if (answer.ok) {
    keepSecret(said.secret);
    location.replace("/");
  } else {
    tell(`${said.detail} ${said.hint ?? ""}`);
  }
}

/** @param {string} text */
function tell(text) {
  document.querySelector(".problem")?.remove();
  const problem = document.createElement("p");
  problem.className = "problem state only";
  problem.setAttribute("role", "alert");
  problem.textContent = text;
  document.querySelector("h1")?.after(problem);
}

// An address that is opened while this page is shown does not load it again.
addEventListener("hashchange", logIn);
await logIn();
