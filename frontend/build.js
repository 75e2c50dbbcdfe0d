// Builds the libraries that the pages load into workflows/static/levante/vendor, with the texts of
// their licences and the SHA-256 of every file. `npm ci && npm run build` changes nothing unless a
// version in package.json has changed; the test of the hashes needs no npm.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const vendor = join(root, "workflows/static/levante/vendor");
const testAssets = join(root, "tests/browser/assets");

async function main() {
  await rm(vendor, { recursive: true, force: true });
  await mkdir(vendor, { recursive: true });
  await mkdir(testAssets, { recursive: true });
  const packages = new Set();
  for (const name of ["codemirror", "dagre", "uplot"]) {
    const result = await build({
      entryPoints: [join(here, "src", `${name}.js`)],
      outfile: join(vendor, `${name}.js`),
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2020",
      legalComments: "none",
      metafile: true,
      absWorkingDir: here,
    });
    Object.keys(result.metafile.inputs).map(packageOf).filter(Boolean).forEach((one) => packages.add(one));
  }
  await copyFile(join(here, "node_modules/uplot/dist/uPlot.min.css"), join(vendor, "uplot.css"));
  await writeFile(join(vendor, "LICENSES.txt"), await licences([...packages].sort()));
  await writeFile(join(vendor, "SHA256SUMS"), await sums(vendor));
  await copyFile(join(here, "node_modules/axe-core/axe.min.js"), join(testAssets, "axe.min.js"));
  await copyFile(join(here, "node_modules/axe-core/LICENSE"), join(testAssets, "axe.LICENSE.txt"));
  await writeFile(join(testAssets, "SHA256SUMS"), await sums(testAssets));
}

function packageOf(path) {
  const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
  return match ? match[1] : null;
}

async function licences(names) {
  const parts = ["The files of this directory are built from these packages.\n"];
  for (const name of names) {
    const folder = join(here, "node_modules", name);
    const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (!file) throw new Error(`${name} has no text of its licence`);
    const text = (await readFile(join(folder, file), "utf8")).trim();
    parts.push(`${"-".repeat(78)}\n${name} ${about.version} (${about.license})\n\n${text}\n`);
  }
  return parts.join("\n");
}

async function sums(folder) {
  const lines = [];
  for (const name of (await readdir(folder)).sort()) {
    if (name === "SHA256SUMS") continue;
    const content = await readFile(join(folder, name));
    lines.push(`${createHash("sha256").update(content).digest("hex")}  ${relative(folder, join(folder, name))}`);
  }
  return lines.join("\n") + "\n";
}

await main();
