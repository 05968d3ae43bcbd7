// Images of a module. The rules: deployment reference, section 9. A real registry takes them and an independent client gets the same
// bytes back, where both are installed.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { storedGzip } from "../../src/deploy/gzip.js";
import { imageReference } from "../../src/deploy/image-reference.js";
import type { OciForm } from "../../src/deploy/oci.js";
import { ociImage } from "../../src/deploy/oci.js";
import { pushImage } from "../../src/deploy/oci-push.js";
import { pwh } from "../support/pwh.js";
import { bytesOfFile } from "../vm/support.js";

const seed = "fixtures/http-headers/http-headers.wasm";
const module = bytesOfFile(seed);
const folder = mkdtempSync(join(tmpdir(), "pwh-oci-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const json = (bytes: Uint8Array): Record<string, unknown> => JSON.parse(new TextDecoder().decode(bytes)) as never;
const forms: readonly OciForm[] = ["compat", "artifact"];

describe.each(forms)("ociImage(), %s", (form) => {
  const { manifest, blobs, files } = ociImage(module, { form, tag: "v1" });

  test("names every blob by its digest and size, in the manifest and in the layout", () => {
    const read = json(manifest.bytes) as { config: object; layers: object[]; schemaVersion: number; mediaType: string };
    expect(read).toMatchObject({ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json" });
    expect([read.config, ...read.layers]).toEqual(
      blobs.map(({ bytes, mediaType }) => ({ mediaType, digest: sha256(bytes), size: bytes.length })),
    );
    const paths = new Map(files);
    for (const { bytes } of [...blobs, manifest]) {
      expect(paths.get(`blobs/${sha256(bytes).replace(":", "/")}`)).toBe(bytes);
    }
    expect(json(paths.get("oci-layout")!)).toEqual({ imageLayoutVersion: "1.0.0" });
    expect(json(paths.get("index.json")!)).toMatchObject({
      schemaVersion: 2,
      manifests: [{ digest: sha256(manifest.bytes), annotations: { "org.opencontainers.image.ref.name": "v1" } }],
    });
  });

  test("is for linux/amd64, which Istio looks for", () => {
    expect(json(blobs[0]!.bytes)).toMatchObject({ architecture: "amd64", os: "linux" });
  });
});

test("compat: one layer with plugin.wasm in it, as tar unpacks it", () => {
  const { blobs } = ociImage(module);
  const [config, layer, ...more] = blobs;
  expect([layer!.mediaType, more]).toEqual(["application/vnd.oci.image.layer.v1.tar+gzip", []]);
  const archive = gunzipSync(layer!.bytes);
  expect(json(config!.bytes)["rootfs"]).toEqual({ type: "layers", diff_ids: [sha256(archive)] });
  const file = join(folder, "layer.tar.gz");
  writeFileSync(file, layer!.bytes);
  const listed = execFileSync("tar", ["--utc", "--numeric-owner", "-tvzf", file], { encoding: "utf8" });
  expect(listed.trim().replaceAll(/\s+/g, " ")).toBe(`-rw-r--r-- 0/0 ${module.length} 1970-01-01 00:00 plugin.wasm`);
  const unpacked = execFileSync("tar", ["-xzOf", file, "plugin.wasm"], { maxBuffer: 1e8 });
  expect(sha256(unpacked)).toBe(sha256(module));
});

test("artifact: exactly two layers, one of them the module as it is", () => {
  const { blobs } = ociImage(module, { form: "artifact", rootIds: ["add_header"] });
  expect(blobs).toHaveLength(3);
  expect(json(blobs[1]!.bytes)).toMatchObject({ type: "envoy_proxy", config: { root_ids: ["add_header"] } });
  expect(blobs[2]).toMatchObject({ mediaType: "application/vnd.module.wasm.content.layer.v1+wasm", bytes: module });
});

test("the same module is the same image", () => {
  expect(ociImage(module).manifest.digest).toBe(ociImage(new Uint8Array(module)).manifest.digest);
  expect(ociImage(module.slice(0, -1)).manifest.digest).not.toBe(ociImage(module).manifest.digest);
});

test.each([0, 1, 65_534, 65_535, 65_536, 131_070, 200_000])(
  "storedGzip() of %d bytes is what gunzip unpacks",
  (size) => {
    const bytes = new Uint8Array(size).map((_, i) => (i * 7) % 251);
    expect(Buffer.compare(gunzipSync(storedGzip(bytes)), bytes)).toBe(0);
  },
);

describe("imageReference()", () => {
  test.each([
    ["ghcr.io/org/x:v1", "ghcr.io", "org/x", "v1"],
    ["oci://127.0.0.1:5055/a", "127.0.0.1:5055", "a", "latest"],
    ["localhost:5000/a/b-c/d.e:1.2_3", "localhost:5000", "a/b-c/d.e", "1.2_3"],
  ])("%s", (given, registry, repository, tag) => {
    expect(imageReference(given)).toEqual({ registry, repository, tag });
  });
  test.each([
    ["", /registry is missing/],
    ["filter:v1", /registry is missing/],
    ["https://ghcr.io/a", /only oci:/],
    ["ghcr.io/Org/x", /no repository/],
    ["ghcr.io/org/x:", /no tag/],
    ["ghcr.io/org/x:a/b", /no tag|no repository/],
    ["ghcr.io/org/x@sha256:00", /a digest is what it will have/],
    ["user:pass@ghcr.io/x", /no host/],
  ])("%j is none", (given, why) => {
    expect(() => imageReference(given)).toThrow(why);
  });
});

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const missing = ["docker-registry", "skopeo"].filter((one) => !has(one));
if (missing.length > 0)
  console.warn(`Skipped: a real registry; ${missing.join(" and ")} are not installed (Debian has them)`);

describe.skipIf(missing.length > 0)("a real registry", () => {
  let registry = "";
  let end = (): void => {};
  beforeAll(async () => {
    const port = await freePort();
    const config = join(folder, "registry.yml");
    const storage = { filesystem: { rootdirectory: join(folder, "registry") } };
    writeFileSync(config, JSON.stringify({ version: 0.1, storage, http: { addr: `127.0.0.1:${port}` } }));
    const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
    end = () => void child.kill();
    registry = `127.0.0.1:${port}`;
    const answers = async (): Promise<boolean> =>
      fetch(`http://${registry}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      );
    await vi.waitUntil(answers, { timeout: 20_000 });
  }, 30_000);
  afterAll(() => end());

  test.each(forms)("takes the image, and skopeo gets the same bytes back: %s", async (form) => {
    const image = ociImage(module, { form });
    const to = imageReference(`${registry}/team/filter:${form}`);
    const { reference } = await pushImage(image, to);
    expect(reference).toBe(`${registry}/team/filter@${sha256(image.manifest.bytes)}`);
    const copy = join(folder, `copy-${form}`);
    const source = `docker://${registry}/team/filter:${form}`;
    execFileSync("skopeo", ["copy", "--insecure-policy", "--src-tls-verify=false", source, `dir:${copy}`]);
    expect(sha256(readFileSync(join(copy, "manifest.json")))).toBe(image.manifest.digest);
    for (const { digest, bytes } of image.blobs) {
      expect(Buffer.compare(readFileSync(join(copy, digest.replace("sha256:", ""))), bytes)).toBe(0);
    }
  });

  test("what it has already is not sent again", async () => {
    const image = ociImage(module, { tag: "again" });
    const to = imageReference(`${registry}/team/twice:v1`);
    expect(await pushImage(image, to)).toMatchObject({ present: 0 });
    expect(await pushImage(image, to)).toMatchObject({ present: 2 });
  });

  test.each(forms)("skopeo reads the layout that pwh deploy oci writes: %s", (form) => {
    const layout = join(folder, `layout-${form}`);
    const wrote = pwh(["deploy", "oci", seed, "-o", layout, "--form", form, "--tag", "v2", "--json", "--untested"]);
    expect(wrote.code).toBe(0);
    const { digest } = JSON.parse(wrote.out) as { digest: string };
    const raw = execFileSync("skopeo", ["inspect", "--raw", `oci:${layout}:v2`]);
    expect(sha256(raw)).toBe(digest);
  });

  test("pwh deploy oci --push says the url for a WasmPlugin", () => {
    const { code, out } = pwh(["deploy", "oci", seed, "--push", `${registry}/shop/tag:v3`, "--untested"]);
    expect(out).toContain(`url       oci://${registry}/shop/tag@${ociImage(module, { tag: "v3" }).manifest.digest}`);
    expect(code).toBe(0);
  });

  test("a name that it refuses is told in its words", async () => {
    const image = ociImage(module);
    const to = { registry, repository: "UPPER", tag: "x" };
    await expect(pushImage(image, to)).rejects.toMatchObject({ code: "REGISTRY_FAILED" });
  });
});

describe("a registry that asks who we are", () => {
  const user = { user: "me", password: "secret-word" };
  const basic = `Basic ${Buffer.from("me:secret-word").toString("base64")}`;

  /** Knows one token; notes what permission each path was asked with. */
  async function strict(challenge: (origin: string) => string, permission: string) {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      const { url = "", method, headers } = request;
      request.resume();
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      if (url.startsWith("/token")) {
        seen.push(`${url} ${headers.authorization ?? "nobody"}`);
        response.writeHead(headers.authorization === basic ? 200 : 401).end(JSON.stringify({ token: "t1" }));
      } else if (headers.authorization !== permission) {
        response.writeHead(401, { "www-authenticate": challenge(origin) }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      } else if (method === "HEAD") response.writeHead(404).end();
      else if (method === "POST") response.writeHead(202, { location: "/v2/a/blobs/uploads/1?state=x" }).end();
      else response.writeHead(url.includes("state=x&digest=sha256") || url.includes("/manifests/") ? 201 : 400).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { registry, seen, close: () => server.close() };
  }

  test.each([
    ["by name and password", () => 'Basic realm="r"', basic],
    ["by a token", (origin: string) => `Bearer realm="${origin}/token",service="s",scope="x"`, "Bearer t1"],
  ] as const)("%s", async (_name, challenge, permission) => {
    const { registry, seen, close } = await strict(challenge, permission);
    try {
      const to = imageReference(`${registry}/a:v1`);
      await expect(pushImage(ociImage(module), to, { credentials: user })).resolves.toMatchObject({ present: 0 });
      if (permission.startsWith("Bearer"))
        expect(seen).toEqual([`/token?service=s&scope=repository%3Aa%3Apull%2Cpush ${basic}`]);
      const unknown = pushImage(ociImage(module), to);
      await expect(unknown).rejects.toThrow(/401 \(UNAUTHORIZED\); set PWH_REGISTRY_USER/);
      const wrong = pushImage(ociImage(module), to, { credentials: { user: "me", password: "guess-word" } });
      const said = await wrong.catch((thrown: unknown) => String(thrown));
      expect(said).toContain("401");
      expect(said).not.toContain("guess-word");
    } finally {
      close();
    }
  });
});

describe("pwh deploy oci, with a bad command line", () => {
  test.each([
    [["deploy", "oci", seed], "say where to with -o FOLDER or --push"],
    [["deploy", "oci"], "one module is wanted, got 0"],
    [["deploy", "oci", "README.md", "-o", join(folder, "x")], "not WebAssembly"],
    [["deploy", "oci", seed, "-o", "src", "--untested"], "it is there already, and no image layout"],
    [["deploy", "oci", seed, "-o", join(folder, "y"), "--form", "docker"], "forms are compat and artifact"],
    [["deploy", "oci", seed, "--push", "x:1"], "the registry is missing"],
    [["deploy", "ocl", seed], 'Cannot deploy "ocl"'],
  ])("%j", (args, message) => {
    const { code, err } = pwh(args);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });
  test("a registry that is not there", () => {
    const { code, err } = pwh(["deploy", "oci", seed, "--push", "127.0.0.1:1/a:b", "--untested"]);
    expect(err).toContain("Cannot push to 127.0.0.1:1/a: could not reach it: connect ECONNREFUSED");
    expect(code).toBe(1);
  });
});

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
