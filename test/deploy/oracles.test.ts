// What real validators said of manifests of ours (`npm run oracles` asks them): the generator still writes those manifests, so what was
// said holds; `pwh lint` and `pwh deploy explain --where` agree with it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Proxy } from "../../src/deploy/chains.js";
import { chainsOf } from "../../src/deploy/chains.js";
import { envoyExtensionPolicy } from "../../src/deploy/envoyextensionpolicy.js";
import { envoyFilter } from "../../src/deploy/envoyfilter.js";
import { MountedModule, patchText } from "../../src/deploy/mounted-module.js";
import { ociImage } from "../../src/deploy/oci.js";
import { sidecarSet } from "../../src/deploy/sidecar-set.js";
import { trafficExtension, wasmPlugin } from "../../src/deploy/wasmplugin.js";
import { where } from "../../src/deploy/where.js";
import { lintTexts } from "../../src/lint/index.js";
import type { JsonObject } from "../../src/manifest/documents.js";
import {
  filesOf,
  formsOf,
  placed,
  placedFilter,
  placesOf,
  proxies,
  servicesOf,
  sets,
  worlds,
} from "../../tools/oracles/cases.mjs";

const recorded = <T>(file: string): T[] =>
  readFileSync(`test/recordings/manifests/${file}.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

/** A manifest as it is kept: its text, or its digest where that is long. */
interface Kept {
  readonly case: string;
  readonly manifest?: string;
  readonly sha256?: string;
  readonly bytes?: number;
}
const keptAs = (text: string, { manifest }: Kept): object =>
  manifest === undefined ? { sha256: sha256(text), bytes: Buffer.byteLength(text) } : { manifest: text };

const library = { sidecarSet };
const forms = { envoyFilter, wasmPlugin, trafficExtension, envoyExtensionPolicy, MountedModule, patchText };
const findingsOf = (name: string, text: string, istio?: string) =>
  lintTexts([{ name, text }], istio === undefined ? {} : { istio }).findings;

interface Verdict {
  readonly errors: readonly string[];
  readonly warnings?: readonly string[];
}

describe("admission and the API server", () => {
  const lines = recorded<Kept & { file: string; verdicts: Record<string, Verdict> }>("deploy");
  const textOf = ({ case: name, file }: { case: string; file: string }): string =>
    filesOf(name, library).find(([one]) => one === file)![1];

  test("every manifest of every case is recorded", () => {
    const made = Object.keys(sets).flatMap((name) =>
      filesOf(name, library).flatMap(([file]) => (file.endsWith(".yaml") ? [`${name} ${file}`] : [])),
    );
    expect(lines.map((one) => `${one.case} ${one.file}`)).toEqual(made);
  });

  test.each(lines)("$case $file is what was judged", (line) => {
    expect(line).toMatchObject(keptAs(textOf(line), line));
  });

  test("EnvoyFilters were judged by both releases of Istio and the API server, the others by the API server", () => {
    for (const { file, verdicts } of lines) {
      const by = Object.keys(verdicts).map((one) => one.replace(/-[\d.-]+(?= |$)/, ""));
      const server = file === "configmap.yaml" ? ["kube-apiserver", "kube-apiserver client-side"] : ["kube-apiserver"];
      expect(by).toEqual(file === "envoyfilter.yaml" ? ["istio", "istio", ...server] : server);
    }
  });

  test("nothing is refused, but for ConfigMaps that client-side apply has no room for", () => {
    const refused = lines.flatMap((one) =>
      Object.entries(one.verdicts).flatMap(([oracle, { errors }]) => errors.map((text) => [one.case, oracle, text])),
    );
    const tooLong = expect.stringContaining("metadata.annotations: Too long: may not be more than 262144 bytes");
    expect(refused).toEqual([
      ["module-of-262144", expect.stringMatching(/^kube-apiserver-.* client-side$/), tooLong],
      ["module-of-1048576", expect.stringMatching(/^kube-apiserver-.* client-side$/), tooLong],
    ]);
  });

  test.each(lines)("pwh lint agrees on $case $file", (line) => {
    const findings = findingsOf(line.file, textOf(line));
    const verdicts = Object.values(line.verdicts);
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
    const told = verdicts.some(({ errors, warnings = [] }) => errors.length + warnings.length > 0);
    if (told) expect(findings.filter(({ severity }) => severity !== "information")).not.toEqual([]);
  });
});

describe("single documents", () => {
  const lines = recorded<{ case: string; manifest: string; verdicts: Record<string, Verdict> }>("deploy-forms");

  test("every one is what was judged", () => {
    expect(lines.map((one) => [one.case, one.manifest])).toEqual(formsOf(forms));
  });

  test.each(lines)("$case: nothing is refused, and pwh lint finds no error", ({ case: name, manifest, verdicts }) => {
    const kind = name.split(" ")[0]!;
    const by = Object.keys(verdicts).map((one) => one.replace(/-[\d.-]+$/, ""));
    const istios = { EnvoyFilter: 2, WasmPlugin: 1, TrafficExtension: 1 }[kind] ?? 0;
    expect(by).toEqual([...Array.from({ length: istios }, () => "istio"), "kube-apiserver"]);
    const { findings } = lintTexts([{ name: "a.yaml", text: manifest }]);
    expect(Object.values(verdicts).flatMap(({ errors }) => errors)).toEqual([]);
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
    const warned = Object.values(verdicts).some(({ warnings = [] }) => warnings.length > 0);
    if (warned) expect(findings.filter(({ severity }) => severity !== "information")).not.toEqual([]);
  });
});

describe("a ConfigMap that is stored", () => {
  const lines = recorded<Kept & { verdict: Verdict }>("deploy-stored");
  const map = (size: number, more: object): string =>
    sidecarSet({ module: Buffer.alloc(size, 0xff), fileName: "m.wasm", deployment: "x", ...more })[0]![1];
  const errorsOf = (name: string): readonly string[] => lines.find((one) => one.case === name)!.verdict.errors;

  test("the largest module that we write is the largest that is taken", () => {
    const line = lines.find((one) => one.case === "largest module")!;
    expect(line).toMatchObject({ sha256: sha256(map(1_048_576, {})), verdict: { errors: [] } });
    expect(errorsOf("one byte more")).toEqual([
      expect.stringContaining("Too long: may not be more than 1048576 bytes"),
    ]);
    expect(() => map(1_048_577, {})).toThrow("a ConfigMap holds 1048576");
  });

  test("an immutable one takes the same bytes again and no others; with --hashed another module is another ConfigMap", () => {
    const shop = { namespace: "shop" };
    const texts: Readonly<Record<string, string>> = {
      "immutable, new": map(8, { ...shop, immutable: true }),
      "immutable, the same again": map(8, { ...shop, immutable: true }),
      "immutable, another module": map(9, { ...shop, immutable: true }),
      "immutable, not any more": map(8, shop),
      "immutable and hashed, another module": map(9, { ...shop, immutable: true, hashed: true }),
    };
    for (const [name, text] of Object.entries(texts))
      expect(lines.find((one) => one.case === name)!.manifest).toBe(text);
    const refused = [expect.stringContaining("field is immutable when `immutable` is set")];
    expect(Object.keys(texts).map(errorsOf)).toEqual([[], [], refused, refused, []]);
  });
});

describe("the injected pod", () => {
  interface Injected extends Kept {
    readonly verdict: { errors: string[]; volumes: object[]; mounts: { name: string; mountPath: string }[] };
  }
  const lines = recorded<Injected>("deploy-injected");
  const filesBy = (name: string): Record<string, string> => Object.fromEntries(filesOf(name, library));

  test("every different patch was injected", () => {
    const patches = new Set(Object.keys(sets).map((name) => filesBy(name)["deployment-patch.yaml"]));
    expect(new Set(lines.map(({ manifest }) => manifest))).toEqual(patches);
  });

  test.each(lines)("$case: its sidecar has the file that the EnvoyFilter names, from the ConfigMap", (line) => {
    const files = filesBy(line.case);
    expect(line.manifest).toBe(files["deployment-patch.yaml"]);
    const map = parse(files["configmap.yaml"]!) as { metadata: { name: string }; binaryData: object };
    const { errors, volumes, mounts } = line.verdict;
    expect({ errors, volumes }).toEqual({
      errors: [],
      volumes: [{ name: mounts[0]!.name, configMap: { name: map.metadata.name } }],
    });
    const [key] = Object.keys(map.binaryData);
    const file = `${mounts[0]!.mountPath.replace(/\/$/, "")}/${key}`;
    expect(files["envoyfilter.yaml"]).toContain(`filename: ${file}\n`);
  });
});

describe("images and Istio's fetcher", () => {
  interface Fetched {
    readonly case: string;
    readonly form: "compat" | "artifact";
    readonly digest: string;
    readonly verdict: { errors: string[]; sha256?: string };
  }
  const module = readFileSync("fixtures/http-headers/http-headers.wasm");

  test.each(recorded<Fetched>("deploy-images"))("$case", ({ case: name, form, digest, verdict }) => {
    expect(digest).toBe(ociImage(module, { form }).manifest.digest);
    if (!name.includes("module's sha256")) return expect(verdict).toEqual({ errors: [], sha256: sha256(module) });
    expect(verdict.errors).toEqual([expect.stringContaining(`does not match: ${sha256(module)}`)]);
  });
});

/** Of the seed's golden, which no generator makes. */
const asProxy = (name: string): Proxy => {
  const { type, version, labels, namespace } = proxies[name]!;
  const kind =
    type === "router" ? ({ type: "gateway", gatewayPorts: [8080] } as const) : ({ type: "sidecar" } as const);
  return { ...kind, version, labels: { ...labels }, namespace };
};
const servicesIn = (world: string): JsonObject[] => servicesOf(worlds[world]!);

describe("where an EnvoyFilter lands", () => {
  interface RecordedChain {
    readonly listener: string;
    readonly chain: string;
    readonly http?: readonly string[] | undefined;
  }
  /** Of every sidecar: what belongs to no Service and is no HTTP. */
  const ofNoService = /-blackhole$|^virtualOutbound-catchall-tcp$|^PassthroughFilterChain$|^virtualInbound$/;
  /** Chains that differ in their transport only are one. */
  const merged = (chains: readonly RecordedChain[]) =>
    [...new Set(chains.map(({ listener, chain, http }) => JSON.stringify([listener, chain, http ?? "tcp"])))].sort();

  test.each(recorded<{ world: string; proxy: string; chains: RecordedChain[] }>("deploy-chains"))(
    "istiod's chains, $world, $proxy",
    ({ world, proxy, chains }) => {
      const ours = chainsOf(servicesIn(world), asProxy(proxy));
      // a pod has no listener for itself
      const others = ours.filter(({ listener }) => !listener.startsWith("(each"));
      expect(
        merged(others.map(({ listener, chain, httpFilters }) => ({ listener, chain, http: httpFilters }))),
      ).toEqual(merged(chains.filter(({ chain }) => !ofNoService.test(chain))));
    },
  );

  /** What of a chain stands behind a filter that was put into it. */
  function behind(position: string, filters: readonly string[]): readonly string[] {
    const [, side, anchor] = /^(before|after) (.+)$/.exec(position) ?? [];
    if (anchor === undefined) return filters;
    return filters.slice(filters.indexOf(anchor) + (side === "after" ? 1 : 0));
  }

  interface Landed extends Kept {
    readonly verdict: readonly {
      world: string;
      proxy: string;
      chains: (RecordedChain & { before: readonly string[] })[];
    }[];
  }
  const lines = recorded<Landed>("deploy-landed");

  test("every match was asked of every proxy and world", () => {
    expect(lines.map((one) => one.case)).toEqual(Object.keys(placed));
    for (const { case: filter, verdict } of lines)
      expect(verdict.map(({ world, proxy }) => ({ world, proxy }))).toEqual(placesOf(filter));
  });

  test.each(lines)(
    "$case: explain --where says the same chains, or why there is none",
    ({ case: filter, manifest, verdict }) => {
      const text = placedFilter(filter, library);
      expect(text).toBe(manifest);
      for (const { world, proxy, chains } of verdict) {
        const [landing] = where(parse(text) as JsonObject, servicesIn(world), asProxy(proxy), { namespace: "default" });
        const { touched, notes } = landing!;
        const podIp = (listener: string): string => listener.replace("(each pod's IP)", "10.10.0.1");
        const ours = touched
          .filter(({ listener }) => proxy === "another-pod" || !listener.startsWith("(each"))
          .map(({ listener, chain }) => `${podIp(listener)} ${chain}`);
        const theirs = [...new Set(chains.map(({ listener, chain }) => `${listener} ${chain}`))];
        expect({ world, proxy, chains: ours.sort() }).toEqual({ world, proxy, chains: theirs.sort() });
        for (const { listener, chain, position, httpFilters } of touched) {
          const stands = chains.find((one) => one.listener === podIp(listener) && one.chain === chain);
          if (stands !== undefined) expect([...stands.before]).toEqual(behind(position, httpFilters!));
        }
        if (touched.length === 0) expect(notes).not.toEqual([]);
      }
    },
  );

  /** A lint of some files cannot know what else is in the mesh. */
  const notTold = [
    /^SIDECAR_OUTBOUND-any /, // another Service may be HTTP
    /^SIDECAR_INBOUND-8080 no-selector-match$/, // another Service may be in front of the pod
    /^SIDECAR_OUTBOUND-8000 headless-unnamed$/, // it is other pods that have a listener for these
  ];

  test("pwh lint names what the port or the Service's protocol makes silent, with the Service beside it", () => {
    const apart: string[] = [];
    for (const { case: filter, manifest, verdict } of lines) {
      for (const { world, chains } of verdict.filter((one) => one.proxy === "newest")) {
        // other releases and gateways are not what the Service says
        if (!/^(SIDECAR|ANY)/.test(filter)) continue;
        const services = servicesIn(world)
          .map((one) => JSON.stringify(one))
          .join("\n---\n");
        const texts = [
          { name: "envoyfilter.yaml", text: manifest! },
          { name: "service.yaml", text: services },
        ];
        const told = lintTexts(texts).findings.some(
          ({ rule, severity }) => rule.startsWith("M-P") && severity !== "information",
        );
        if (chains.length === 0 && !told) apart.push(`${filter} ${world}`);
      }
    }
    expect(apart.filter((one) => !notTold.some((pattern) => pattern.test(one)))).toEqual([]);
    expect(notTold.filter((pattern) => !apart.some((one) => pattern.test(one)))).toEqual([]);
  });
});
