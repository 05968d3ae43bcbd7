import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-explain-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const set = join(folder, "deploy");
const service = join(folder, "service.yaml");
const explain = (...args: string[]) => pwh(["deploy", "explain", ...args]);

beforeAll(() => {
  const module = fixture("http-headers/http-headers.wasm");
  pwh(["deploy", "all", module, "--deployment", "shop", "--port", "8080", "--istio", "1.11", "--untested", "-o", set]);
  const port = "{ name: http, port: 80, targetPort: 8080 }";
  writeFileSync(
    service,
    `kind: Service\nmetadata: { name: shop }\nspec: { selector: { app: shop }, ports: [${port}] }\n`,
  );
});

test("tells what to apply, how to look, what lines mean, how to take it away", () => {
  const { code, out } = explain(set);
  const parts = ["Apply, in this order:", "Look whether it works:", "What the proxy's log may say:", "Take it away:"];
  expect(parts.map((one) => out.indexOf(one)).every((at, i, all) => at > (all[i - 1] ?? -1))).toBe(true);
  expect(out).toContain(`kubectl apply --server-side -f ${join(set, "configmap.yaml")}\n`);
  expect(code).toBe(0);
});

test.each([
  ["kustomize", "kubectl apply --server-side -k <folder>", undefined],
  ["helm", "helm upgrade --install <release> ", "kubectl patch deployment shop --patch-file "],
])("a folder of %s is applied as a whole", (target, command, patch) => {
  const made = join(folder, target);
  const module = fixture("http-headers/http-headers.wasm");
  expect(pwh(["deploy", target, module, "--deployment", "shop", "--untested", "-o", made]).code).toBe(0);
  const { code, out } = explain(made);
  expect(out.slice(0, out.indexOf("Look whether"))).toContain(command);
  expect(out).toContain("ls -l /var/local/lib/wasm-filters/http-headers.wasm");
  expect(out).not.toContain("kubectl apply -f");
  expect(out.includes("kubectl patch ")).toBe(patch !== undefined);
  if (patch !== undefined) expect(out).toContain(patch);
  expect(code).toBe(0);
});

describe("--where", () => {
  test("names the chain, for the Service's file and for its port as an option", () => {
    for (const ports of [[service], ["--service-port", "http=80:8080"]]) {
      const { code, out } = explain(set, "--where", "--proxy", "1.11.2", ...ports);
      expect(out).toContain("patch 0: virtualInbound / 0.0.0.0_8080, before envoy.filters.http.router\n");
      expect(code).toBe(0);
    }
  });

  test.each<[string[], string]>([
    [["--proxy", "1.31.0", "--service-port", "http=80:8080"], "does not match the proxy's version 1.31.0"],
    [
      ["--proxy", "1.11.2", "--service-port", "tcp=80:8080"],
      "plain TCP by the name or appProtocol of the Service's port (tcp)",
    ],
    [
      ["--proxy", "1.11.2", "--service-port", "http=8080:9090"],
      "8080 is the Service's port: inbound, portNumber is the container's, 9090",
    ],
    [
      ["--proxy", "1.11.2", "--label", "app=other", "--service-port", "http=80:8080"],
      "wants app=shop, and the pod has app=other",
    ],
    [["--proxy", "1.11.2", "--gateway-port", "8080"], "context SIDECAR_INBOUND is for sidecars"],
  ])("%j: warns, and ends with 1", (args, why) => {
    const { code, out, err } = explain(set, "--where", ...args);
    expect(out).toContain("patch 0: touches nothing\n");
    expect(out).toContain(why);
    expect(err).toContain("warning: ");
    expect(code).toBe(1);
  });

  test("a named targetPort is the Deployment's", () => {
    const [named, deployment] = [join(folder, "named.yaml"), join(folder, "deployment.yaml")];
    const port = "{ name: http, port: 80, targetPort: web }";
    writeFileSync(
      named,
      `kind: Service\nmetadata: { name: shop }\nspec: { selector: { app: shop }, ports: [${port}] }\n`,
    );
    const container = "{ name: c, image: i, ports: [{ name: web, containerPort: 8080 }] }";
    const template = `{ metadata: { labels: { app: shop } }, spec: { containers: [${container}] } }`;
    const head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: shop }\n";
    writeFileSync(deployment, `${head}spec: { template: ${template} }\n`);
    const args = ["--where", "--proxy", "1.11.2"];
    expect(explain(set, named, ...args).err).toContain("targetPort web is a name; name the Deployment's file too");
    expect(explain(set, named, deployment, ...args)).toMatchObject({ code: 0 });
  });
});

test.each<[string[], string]>([
  [[], "name the manifests, or their folder"],
  [["nowhere.yaml"], "Cannot read nowhere.yaml: there is no such file"],
  [["package.json"], "no manifest there carries a plugin"],
  [["package.json", "--where", "--proxy", "1.11.2"], "no EnvoyFilter is among the files"],
  [["fixtures/http-headers"], "there is no YAML in it"],
  [[set, "--where"], "give the release of the sidecar with --proxy"],
  [[set, "--where", "--proxy", "newest"], "give the release of the sidecar with --proxy"],
  [[set, "--where", "--proxy", "1.11.2"], "which ports have a Service is not known"],
  [[set, "--where", "--proxy", "1.11.2", "--service-port", "8080"], "write it as name=port:targetPort"],
  [[set, "--where", "--proxy", "1.11.2", "--service-port", "http=0:1"], "--service-port"],
  [[set, "--proxy", "1.11.2"], "Cannot use --proxy without --where"],
  [[set, "--hashed"], "--hashed"],
])("%j is refused", (args, message) => {
  const { code, err } = explain(...args);
  expect(err).toContain(message);
  expect([code, err.includes("    at ")]).toEqual([2, false]);
});
