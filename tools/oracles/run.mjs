// `npm run oracles`: asks real validators about our manifests, and writes what they say to test/recordings/manifests/.
// test/deploy/oracles.test.ts replays it. It needs Go 1.26, docker-registry, and the first time some minutes.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { imageReference } from "../../dist/deploy/image-reference.js";
import { ociImage } from "../../dist/deploy/oci.js";
import { pushImage } from "../../dist/deploy/oci-push.js";
import { envoyExtensionPolicy } from "../../dist/deploy/envoyextensionpolicy.js";
import { envoyFilter } from "../../dist/deploy/envoyfilter.js";
import { MountedModule, patchText } from "../../dist/deploy/mounted-module.js";
import { trafficExtension, wasmPlugin } from "../../dist/deploy/wasmplugin.js";
import { sidecarSet } from "../../dist/deploy/sidecar-set.js";
import { fuzzDocumentCases } from "../fuzz-documents.mjs";
import { ApiServer } from "./api-server.mjs";
import {
  filesOf,
  formsOf,
  gateway,
  objectsOf,
  placed,
  placedFilter,
  placesOf,
  proxies,
  sets,
  worlds,
} from "./cases.mjs";
import { build, downloadedFolder, moduleFolder, moduleVersion, Oracle } from "./programs.mjs";

const recordings = join(import.meta.dirname, "../../test/recordings/manifests");
const root = join(import.meta.dirname, "../..");
const pwh = join(root, "dist/cli/main.js");
const library = { sidecarSet };
const forms = { envoyFilter, wasmPlugin, trafficExtension, envoyExtensionPolicy, MountedModule, patchText };

const minor = (version) => version.match(/^v(\d+\.\d+)/)[1];
const newest = `istio-${minor(moduleVersion("istio", "istio.io/api"))}`;
const old = `istio-${moduleVersion("istio-1.11", "istio.io/istio").replace(/^v0\.0\.0-(\d{4})(\d{2}).*/, "$1-$2")}`;
const api = `kube-apiserver-${moduleVersion("kube-apiserver", "k8s.io/kubernetes").slice(1)}`;

/** What is too long to be kept stands there by its digest. */
const kept = (text) =>
  text.length <= 8192
    ? { manifest: text }
    : { sha256: createHash("sha256").update(text).digest("hex"), bytes: Buffer.byteLength(text) };

function record(name, lines) {
  writeFileSync(join(recordings, `${name}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  process.stdout.write(`${name}.jsonl: ${lines.length} lines\n`);
}

const general = /^EnvoyFilter exposes internal implementation details/;
async function admissionOf(oracle, text) {
  const verdicts = await oracle.ask({ ask: "admission", text });
  const checked = verdicts.filter((one) => one.checked || one.errors.length > 0);
  if (checked.length === 0) return undefined;
  return {
    errors: checked.flatMap((one) => one.errors),
    warnings: checked.flatMap((one) => one.warnings).filter((one) => !general.test(one)),
  };
}

async function judged(istio, istio111, server) {
  const lines = [];
  for (const name of Object.keys(sets)) {
    const { deployment, namespace } = sets[name];
    for (const [file, text] of filesOf(name, library)) {
      if (!file.endsWith(".yaml")) continue;
      const isPatch = file === "deployment-patch.yaml";
      const verdicts = {};
      const [now, then] = [await admissionOf(istio, text), await admissionOf(istio111, text)];
      if (now !== undefined) verdicts[newest] = now;
      if (then !== undefined) verdicts[old] = then;
      if (isPatch) {
        const target = deploymentOf(deployment, namespace);
        await server.create(target);
        verdicts[api] = { errors: await server.patchDeployment(deployment, text, namespace) };
        await server.delete(target);
      } else verdicts[api] = { errors: await server.apply(text, { dryRun: true }) };
      if (file === "configmap.yaml") verdicts[`${api} client-side`] = { errors: await server.applyClientSide(text) };
      lines.push({ case: name, file, ...kept(text), verdicts });
    }
  }
  return lines;
}

/** Single documents. A patch is of a gateway's Deployment, whose container is the proxy. */
async function judgedForms(istio, istio111, server) {
  const target = deploymentOf("istio-ingressgateway", "istio-system").replace(
    '"name":"go-httpbin","image"',
    '"name":"istio-proxy","image"',
  );
  await server.create(target);
  const lines = [];
  for (const [name, text] of formsOf(forms)) {
    const verdicts = {};
    const isPatch = name.startsWith("gateway-patch");
    const [now, then] = [await admissionOf(istio, text), await admissionOf(istio111, text)];
    if (now !== undefined) verdicts[newest] = now;
    if (then !== undefined) verdicts[old] = then;
    const errors = isPatch
      ? await server.patchDeployment("istio-ingressgateway", text, "istio-system")
      : await server.apply(text, { dryRun: true });
    lines.push({ case: name, manifest: text, verdicts: { ...verdicts, [api]: { errors } } });
  }
  await server.delete(target);
  return lines;
}

/** What `pwh fuzz k8s` writes, and what is wrong in it on purpose. */
async function judgedJobs(server) {
  const lines = [];
  for (const { name, args, broken } of fuzzDocumentCases.filter((one) => one.args[0] === "k8s")) {
    const written = execFileSync(process.execPath, [pwh, "fuzz", ...args], { cwd: root, encoding: "utf8" });
    const text = broken === undefined ? written : written.replace(broken[0], () => broken[1]);
    const errors = [];
    for (const one of text.split(/^---\n/m)) errors.push(...(await server.apply(one, { dryRun: true })));
    lines.push({
      case: name,
      sha256: createHash("sha256").update(text).digest("hex"),
      verdicts: { [api]: { errors } },
    });
  }
  return lines;
}

function deploymentOf(name, namespace = "default", annotations = undefined) {
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: "go-httpbin" } },
      template: {
        metadata: { labels: { app: "go-httpbin" }, ...(annotations && { annotations }) },
        spec: { containers: [{ name: "go-httpbin", image: "mccutchen/go-httpbin", ports: [{ containerPort: 8080 }] }] },
      },
    },
  });
}

/** The pod that the injector makes with each different patch. */
async function injected(istio) {
  const lines = [];
  const bare = await istio.ask({ ask: "injection", text: deploymentOf("go-httpbin") });
  const own = new Set([...bare.volumes, ...bare.mounts].map(({ name }) => name));
  const added = (list) => list.filter(({ name }) => !own.has(name));
  const seen = new Set();
  for (const name of Object.keys(sets)) {
    const patch = filesOf(name, library).find(([file]) => file === "deployment-patch.yaml")[1];
    if (seen.has(patch)) continue;
    seen.add(patch);
    const { annotations } = parse(patch).spec.template.metadata;
    const { errors, volumes, mounts } = await istio.ask({
      ask: "injection",
      text: deploymentOf("go-httpbin", "default", annotations),
    });
    lines.push({
      case: name,
      manifest: patch,
      oracle: newest,
      verdict: { errors, volumes: added(volumes), mounts: added(mounts) },
    });
  }
  return lines;
}

/** A filter chain as it is kept. */
const chainOf = ({ listener, chain, destinationPort, transport, http }) => ({
  listener,
  chain,
  destinationPort,
  transport,
  http,
});
async function landed(istio) {
  const listeners = (config, world, proxy) =>
    istio.ask({
      ask: "listeners",
      config,
      objects: objectsOf(worlds[world]),
      proxy: { ip: "10.10.0.1", ...proxies[proxy] },
    });
  const chains = [];
  for (const world of Object.keys(worlds))
    chains.push({
      world,
      proxy: "newest",
      oracle: newest,
      chains: (await listeners("", world, "newest")).map(chainOf),
    });
  chains.push({
    world: "http",
    proxy: "gateway",
    oracle: newest,
    chains: (await listeners(gateway, "http", "gateway")).map(chainOf),
  });
  const lines = [];
  for (const filter of Object.keys(placed)) {
    const manifest = placedFilter(filter, library);
    const verdict = [];
    for (const { world, proxy } of placesOf(filter)) {
      const config = proxy === "gateway" ? `${gateway}\n---\n${manifest}` : manifest;
      const wasm = placed[filter].filterName ?? "envoy.filters.http.wasm";
      const hits = (await listeners(config, world, proxy)).filter(({ http }) => http?.includes(wasm));
      const chains = hits.map(({ listener, chain, transport, http }) => ({
        listener,
        chain,
        transport,
        before: http.slice(http.indexOf(wasm) + 1),
      }));
      verdict.push({ world, proxy, chains });
    }
    lines.push({ case: filter, manifest, oracle: newest, verdict });
  }
  return { chains, lines };
}

/** The JSON reader of 2021 takes either member of a oneof that has two, by chance: what it may refuse is refused. */
async function strictest(oracle, text) {
  let verdict = await admissionOf(oracle, text);
  for (let i = 0; i < 20 && verdict?.errors.length === 0; i++) verdict = await admissionOf(oracle, text);
  return verdict;
}

/** The cases of wrong manifests again: what Envoy said stays as it was recorded. */
async function wrongOnes(istio, istio111, server) {
  const lines = readFileSync(join(recordings, "cases.jsonl"), "utf8").trim().split("\n");
  const judgedAgain = [];
  for (const { case: name, manifest, verdicts } of lines.map((line) => JSON.parse(line))) {
    const asked = { ...verdicts };
    asked[newest] = await admissionOf(istio, manifest);
    asked[api] = { errors: await server.apply(manifest, { dryRun: true }) };
    if (verdicts[old] !== undefined) asked[old] = await strictest(istio111, manifest);
    judgedAgain.push({ case: name, manifest, verdicts: asked });
  }
  return judgedAgain;
}

/** What the API server does with ConfigMaps of ours: limits, and what cannot be changed. */
async function stored(server) {
  const map = (size, more = {}) =>
    sidecarSet({ module: Buffer.alloc(size, 0xff), fileName: "m.wasm", deployment: "x", ...more })[0][1];
  const oversized = (size) => map(1).replace(/(m\.wasm: ).*/, `$1${Buffer.alloc(size, 0xff).toString("base64")}`);
  const steps = [
    ["largest module", map(1_048_576)],
    ["one byte more", oversized(1_048_577)],
    ["immutable, new", map(8, { immutable: true, namespace: "shop" })],
    ["immutable, the same again", map(8, { immutable: true, namespace: "shop" })],
    ["immutable, another module", map(9, { immutable: true, namespace: "shop" })],
    ["immutable, not any more", map(8, { namespace: "shop" })],
    ["immutable and hashed, another module", map(9, { immutable: true, hashed: true, namespace: "shop" })],
  ];
  const lines = [];
  for (const [name, text] of steps)
    lines.push({ case: name, ...kept(text), oracle: api, verdict: { errors: await server.apply(text) } });
  return lines;
}

/** Istio's fetcher on images of ours in a real registry. */
async function fetched(istio) {
  const folder = mkdtempSync(join(tmpdir(), "pwh-oracle-registry-"));
  const port = await freePort();
  const config = join(folder, "registry.yml");
  const storage = { filesystem: { rootdirectory: join(folder, "data") } };
  writeFileSync(config, JSON.stringify({ version: 0.1, storage, http: { addr: `127.0.0.1:${port}` } }));
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  const at = `127.0.0.1:${port}`;
  const hidden = (text) => text.replaceAll(at, "registry");
  try {
    for (let i = 0; i < 100 && !(await fetch(`http://${at}/v2/`).catch(() => ({}))).ok; i++) await sleep(100);
    const module = readFileSync(join(import.meta.dirname, "../../fixtures/http-headers/http-headers.wasm"));
    const sha256 = createHash("sha256").update(module).digest("hex");
    const lines = [];
    for (const form of ["compat", "artifact"]) {
      const image = ociImage(module, { form });
      const to = imageReference(`${at}/team/filter:${form}`);
      const { reference } = await pushImage(image, to);
      const asked = [
        ["by tag", `oci://${at}/team/filter:${form}`, ""],
        ["by digest", `oci://${reference}`, ""],
        ["by tag, with the manifest's digest", `oci://${at}/team/filter:${form}`, image.manifest.digest.slice(7)],
        ["by tag, with the module's sha256", `oci://${at}/team/filter:${form}`, sha256],
      ];
      for (const [name, url, sum] of asked) {
        const { errors, sha256: got } = await istio.ask({ ask: "image", url, sha256: sum });
        const verdict = { errors: errors.map(hidden), ...(got && { sha256: got }) };
        lines.push({
          case: `${form} ${name}`,
          form,
          digest: image.manifest.digest,
          url: hidden(url),
          oracle: newest,
          verdict,
        });
      }
    }
    return lines;
  } finally {
    child.kill();
    await new Promise((resolve) => child.once("exit", resolve));
    rmSync(folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const programs = { istio: build("istio"), old: build("istio-1.11"), api: build("kube-apiserver") };
const istio = new Oracle(programs.istio);
const istio111 = new Oracle(programs.old);
const server = await ApiServer.start(programs.api);
try {
  await server.define(
    readFileSync(join(moduleFolder("istio", "istio.io/istio"), "manifests/charts/base/files/crd-all.gen.yaml"), "utf8"),
  );
  // Envoy Gateway's definitions; nothing of it is built
  const envoyGateway = downloadedFolder("github.com/envoyproxy/gateway@v1.9.1");
  const generated = "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_envoyextensionpolicies.yaml";
  await server.define(readFileSync(join(envoyGateway, generated), "utf8"));
  for (const name of ["shop", "istio-system", "qa"])
    await server.create(JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
  record("cases", await wrongOnes(istio, istio111, server));
  record("deploy", await judged(istio, istio111, server));
  record("deploy-forms", await judgedForms(istio, istio111, server));
  record("fuzz-jobs", await judgedJobs(server));
  record("deploy-stored", await stored(server));
  record("deploy-injected", await injected(istio));
  record("deploy-images", await fetched(istio));
  const { chains, lines } = await landed(istio);
  record("deploy-chains", chains);
  record("deploy-landed", lines);
} finally {
  istio.close();
  istio111.close();
  await server.close();
}
