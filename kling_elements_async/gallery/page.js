"use strict";
// The search, the filters and the copying. Without this script the page is whole, and has none of the three.
(() => {
  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const empty = document.querySelector(".empty");
  const chips = [...document.querySelectorAll(".chips button")];
  const groups = [...document.querySelectorAll(".twins")];
  const said = document.createElement("p"); // for those who hear the page
  said.className = "said";
  said.setAttribute("role", "status");
  document.body.append(said);
  const all = count.textContent;

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const isPressed = (chip) => chip.getAttribute("aria-pressed") === "true";
  const textOf = (card, selector) => card.querySelector(selector)?.textContent ?? "";
  const cards = [...document.querySelectorAll(".card")].map((card) => ({
    card,
    chips: new Set(card.dataset.chips.split(" ")),
    text: plain([".name", ".description", ".voice bdi", "code"].map((each) => textOf(card, each)).join("\n")
      + "\n" + [...card.querySelectorAll(".labels li:not(.kind)")].map((each) => each.textContent).join("\n")),
  }));

  const show = () => {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const pressed = chips.flatMap((chip, number) => isPressed(chip) ? [String(number)] : []);
    let shown = 0;
    for (const { card, chips: its, text } of cards) {
      const fits = words.every((word) => text.includes(word)) && pressed.every((chip) => its.has(chip));
      card.hidden = !fits;
      shown += fits;
    }
    for (const group of groups) {
      const left = group.querySelectorAll(".card:not([hidden])").length;
      group.hidden = left === 0;
      group.className = `twins n${Math.min(left, 4)}`;
    }
    if (cards.length) empty.hidden = shown > 0;
    count.textContent = words.length || pressed.length ? `${shown} of ${all}` : all;
  };

  const written = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      // No clipboard for this page: the id is left selected, and the old way is tried.
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  };

  const copy = async (button) => {
    const done = await written(button.previousElementSibling);
    button.textContent = done ? "Copied" : "Selected";
    button.classList.toggle("done", done);
    said.textContent = done ? `Copied ${button.previousElementSibling.textContent}` : "Selected";
    setTimeout(() => {
      button.textContent = "Copy";
      button.classList.remove("done");
    }, 1500);
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.matches(".copy")) copy(button);
    if (chips.includes(button)) {
      button.setAttribute("aria-pressed", String(!isPressed(button)));
      show();
    }
  });
  search.addEventListener("input", show);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      show();
    }
  });

  document.documentElement.classList.add("js");
  if (search.value) show(); // what the browser remembered of an earlier visit
})();
