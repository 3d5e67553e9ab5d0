// Runs in a page: every text that leaves its box or lies over another one, as sentences; none where all is tidy.
() => {
  const found = [];
  const name = (element) => `${element.tagName.toLowerCase()}.${[...element.classList].join(".")} ${element.textContent.trim().slice(0, 40)}`;
  const isShown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const isOver = (one, other) =>
    one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1;
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`);

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest(".sr, .skip, .scroll, script, style, noscript, option") || !isShown(parent)) continue;
    const box = parent.closest("li, summary, p, h1, h2, pre, dd, dt, button, label, td, .line, div").getBoundingClientRect();
    const hanging = getComputedStyle(parent).whiteSpaceCollapse === "preserve" ? 10 : 1.5; // a space at the end of a row hangs
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (rect.width < 1) continue;
      if (rect.left < box.left - 1.5 || rect.right > box.right + hanging) found.push(`${name(parent)} leaves its box`);
      if (!parent.closest(".tools")) texts.push({ rect, parent });
    }
  }
  texts.sort((one, other) => one.rect.top - other.rect.top);
  for (let first = 0; first < texts.length; first += 1) {
    for (let next = first + 1; next < texts.length && texts[next].rect.top < texts[first].rect.bottom - 1; next += 1) {
      if (isOver(texts[first].rect, texts[next].rect)) found.push(`${name(texts[first].parent)} lies over ${name(texts[next].parent)}`);
    }
  }
  for (const svg of document.querySelectorAll("svg.graph")) {
    const edge = svg.getBoundingClientRect();
    const words = [...svg.querySelectorAll("text")].map((element) => ({ element, rect: element.getBoundingClientRect() }));
    for (const { element, rect } of words) {
      const box = element.closest(".box");
      const inside = box ? [...box.querySelectorAll("rect")].at(-1).getBoundingClientRect() : edge;
      if (rect.left < inside.left || rect.right > inside.right + 0.5 || rect.bottom > inside.bottom + 1) found.push(`${name(element)} leaves its box`);
    }
    for (let first = 0; first < words.length; first += 1)
      for (let next = first + 1; next < words.length; next += 1)
        if (isOver(words[first].rect, words[next].rect)) found.push(`${name(words[first].element)} lies over ${name(words[next].element)}`);
  }
  return [...new Set(found)].slice(0, 20);
};
