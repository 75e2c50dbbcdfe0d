// Saves the drawing as a file that looks the same elsewhere.

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap",
  "stroke-linejoin", "stroke-opacity", "opacity", "font-family", "font-size", "font-weight", "display"];
const LARGEST = 8000;

/** The whole drawing as the text of an SVG file. */
export function toSvg(element, size) {
  const copy = element.cloneNode(true);
  const hidden = element.querySelectorAll(".is-out");
  hidden.forEach((one) => one.classList.remove("is-out"));
  const marks = ["is-far", "is-crowded"].filter((mark) => element.classList.contains(mark));
  element.classList.remove(...marks);
  const originals = element.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((one, index) => {
    const style = getComputedStyle(originals[index]);
    for (const name of KEPT) {
      const value = style.getPropertyValue(name);
      if (value && !(name === "display" && value !== "none")) one.setAttribute(name, value);
    }
    for (const name of ["tabindex", "role", "class"]) one.removeAttribute(name);
  });
  copy.querySelectorAll("[display=none]").forEach((one) => one.remove());
  hidden.forEach((one) => one.classList.add("is-out"));
  element.classList.add(...marks);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  copy.setAttribute("width", size.width);
  copy.setAttribute("height", size.height);
  for (const name of ["class", "tabindex", "role"]) copy.removeAttribute(name);
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", getComputedStyle(element).backgroundColor);
  copy.querySelector("defs").after(ground);
  return new XMLSerializer().serializeToString(copy);
}

/** The whole drawing as a PNG, at twice its size if that is not too large. */
export async function toPng(element, size) {
  const scale = Math.min(2, LARGEST / size.width, LARGEST / size.height);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(toSvg(element, size))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(size.width * scale);
  canvas.height = Math.ceil(size.height * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Let the browser save a file. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
