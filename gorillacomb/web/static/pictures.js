// A picture that cannot be shown leaves no hole: its name is beside it.
/** @param {HTMLImageElement} picture */
function withdraw(picture) {
  const said = document.createElement("span");
  said.className = "soft";
  said.textContent = picture.classList.contains("thumb") ? "" : "No preview: the picture cannot be shown.";
  picture.replaceWith(said);
}
for (const picture of document.querySelectorAll("img")) {
  picture.addEventListener("error", () => withdraw(picture));
  // It may have failed before this ran; one that is not loaded yet is waited for.
  if (picture.complete && picture.naturalWidth === 0) picture.decode().catch(() => withdraw(picture));
}
