// Swaps the pieces of the job page as the server draws them anew.
const source = new EventSource(document.getElementById("job").dataset.live);

source.addEventListener("fragment", ({ data }) => {
  const template = document.createElement("template");
  template.innerHTML = data;
  const fresh = template.content.firstElementChild;
  const old = fresh && document.getElementById(fresh.id);
  if (!old) return;
  // Pictures that are there already stay, so that nothing flickers.
  for (const picture of fresh.querySelectorAll("[data-keep]")) {
    const shown = old.querySelector(`#${CSS.escape(picture.id)}`);
    if (shown && shown.getAttribute("src") === picture.getAttribute("src")) picture.replaceWith(shown);
  }
  const focused = old.contains(document.activeElement) && document.activeElement.textContent;
  old.replaceWith(fresh);
  if (focused) [...fresh.querySelectorAll("button, a")].find((element) => element.textContent === focused)?.focus();
});

source.addEventListener("done", () => source.close());
