// Image layouts: what Istio's fetcher takes and refuses is recorded in the reference on oracles, section 6.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { ociImage } from "../../src/deploy/oci.js";
import { ustar } from "../../src/deploy/ustar.js";
import { writeLayout } from "../../src/deploy/write-layout.js";
import { lint } from "../../src/lint/lint.js";

const root = mkdtempSync(join(tmpdir(), "pwh-image-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const module = readFileSync("fixtures/http-headers/http-headers.wasm");
const layer = "application/vnd.oci.image.layer.v1.tar+gzip";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

let count = 0;
const folder = (): string => join(root, `i${count++}`);
const rulesOf = async (path: string): Promise<string[]> =>
  (await lint([path])).findings.map(({ rule, severity }) => `${rule} ${severity}`);

interface Made {
  readonly layers: readonly (readonly [mediaType: string, bytes: Uint8Array])[];
  readonly architecture?: string;
  readonly size?: number;
}

/** A layout by hand, after section 9 of the deployment reference. */
function made({ layers, architecture = "amd64", size }: Made): string {
  const path = folder();
  mkdirSync(join(path, "blobs", "sha256"), { recursive: true });
  const put = (mediaType: string, bytes: Uint8Array) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(path, "blobs", "sha256", hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const config = put("application/vnd.oci.image.config.v1+json", json({ os: "linux", architecture }));
  const described = layers.map(([type, bytes]) => ({ ...put(type, bytes), ...(size !== undefined && { size }) }));
  const manifest = put(manifestType, json({ schemaVersion: 2, mediaType: manifestType, config, layers: described }));
  writeFileSync(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return path;
}

const archive = (name = "plugin.wasm", bytes: Uint8Array = module): Uint8Array => gzipSync(ustar(name, bytes));

test.each(["compat", "artifact"] as const)(
  "M-O1 M-O2 M-O3 leave alone what pwh deploy oci writes as %s",
  async (form) => {
    const path = folder();
    writeLayout(path, ociImage(module, { form }).files);
    expect(await rulesOf(path)).toEqual([]);
  },
);

test.each([
  ["a layout by hand", { layers: [[layer, archive()]] }, []],
  ["plugin.wasm in a folder", { layers: [[layer, archive("a/plugin.wasm")]] }, []],
  [
    "two layers, the last one right",
    {
      layers: [
        ["text/plain", Buffer.from("x")],
        [layer, archive()],
      ],
    },
    [],
  ],
  ["another file name", { layers: [[layer, archive("filter.wasm")]] }, ["M-O1 error"]],
  ["no tar in the gzip", { layers: [[layer, gzipSync(module)]] }, ["M-O1 error"]],
  ["no gzip", { layers: [[layer, ustar("plugin.wasm", module)]] }, ["M-O1 error"]],
  ["text in place of the module", { layers: [[layer, archive("plugin.wasm", Buffer.from("hello"))]] }, ["M-O1 error"]],
  ["application/wasm alone", { layers: [["application/wasm", module]] }, ["M-O1 error"]],
  [
    "an artifact of one layer",
    { layers: [["application/vnd.module.wasm.content.layer.v1+wasm", module]] },
    ["M-O1 error"],
  ],
  [
    "a docker layer in an OCI manifest",
    { layers: [["application/vnd.docker.image.rootfs.diff.tar.gzip", archive()]] },
    ["M-O1 error"],
  ],
  ["a wrong layer size", { layers: [[layer, archive()]], size: 5 }, ["M-O2 error"]],
  ["another platform", { layers: [[layer, archive()]], architecture: "arm64" }, ["M-O3 warning"]],
] as [string, Made, string[]][])("an image with %s", async (_what, image, expected) => {
  expect(await rulesOf(made(image))).toEqual(expected);
});

test("M-O2: a blob that was changed, one that is missing, a layout that is none", async () => {
  const path = folder();
  const { files, blobs } = ociImage(module);
  writeLayout(path, files);
  const blob = join(path, "blobs", "sha256", blobs.at(-1)!.digest.slice("sha256:".length));
  writeFileSync(blob, archive());
  expect(await rulesOf(path)).toContain("M-O2 error");
  rmSync(blob);
  expect(await rulesOf(path)).toEqual(["M-O2 error"]);
  writeFileSync(join(path, "index.json"), "{");
  expect(await rulesOf(path)).toEqual(["M-O1 error"]);
});
