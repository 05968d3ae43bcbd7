// A real Kubernetes API server on loopback, and the few requests that are made of it.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { parseAllDocuments } from "yaml";

const core = { ConfigMap: "configmaps", Namespace: "namespaces" };
const groups = {
  Deployment: "deployments",
  Job: "jobs",
  CustomResourceDefinition: "customresourcedefinitions",
  EnvoyFilter: "envoyfilters",
  WasmPlugin: "wasmplugins",
  TrafficExtension: "trafficextensions",
  EnvoyExtensionPolicy: "envoyextensionpolicies",
};
const clusterWide = new Set(["Namespace", "CustomResourceDefinition"]);

export class ApiServer {
  #child;
  #folder;
  #base;
  #token;
  // the server makes its own certificate, on loopback
  #agent = new Agent({ connect: { rejectUnauthorized: false } });

  static async start(program) {
    const server = new ApiServer();
    server.#folder = mkdtempSync(join(tmpdir(), "pwh-oracle-api-"));
    server.#token = randomBytes(16).toString("hex");
    const [port, etcd] = [await freePorts(1), await freePorts(2)];
    server.#base = `https://127.0.0.1:${port}`;
    const args = ["-dir", server.#folder, "-port", port, "-etcd-port", etcd, "-token", server.#token].map(String);
    server.#child = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"] });
    await server.#until("get ready", async () => (await server.#ask("GET", "/readyz")).status === 200);
    return server;
  }

  async close() {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    await ended;
    await this.#agent.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #until(what, holds) {
    for (let i = 0; i < 600; i++) {
      if (await holds().catch(() => false)) return;
      if (this.#child.exitCode !== null) break;
      await sleep(200);
    }
    throw new Error(`The API server did not ${what}`);
  }

  async #ask(method, path, body, type) {
    const headers = { authorization: `Bearer ${this.#token}`, ...(type && { "content-type": type }) };
    const { statusCode, body: answer } = await request(this.#base + path, {
      method,
      headers,
      body,
      dispatcher: this.#agent,
    });
    return { status: statusCode, text: await answer.text() };
  }

  /** As `kubectl apply --server-side --validate=strict` does. @returns What it said against it. */
  async apply(text, { dryRun = false } = {}) {
    return this.#errors(
      "PATCH",
      `${pathOf(text)}?fieldManager=pwh&force=true&fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`,
      text,
      "application/apply-patch+yaml",
    );
  }

  /** As `kubectl apply` does the first time: with the whole object in an annotation too. */
  async applyClientSide(text) {
    const object = parse(text);
    const last = `${JSON.stringify({ ...object, metadata: { annotations: {}, namespace: "default", ...object.metadata } })}\n`;
    const annotations = { ...object.metadata.annotations, "kubectl.kubernetes.io/last-applied-configuration": last };
    const body = JSON.stringify({ ...object, metadata: { ...object.metadata, annotations } });
    const folder = pathOf(text).replace(/\/[^/]+$/, "");
    return this.#errors("POST", `${folder}?fieldValidation=Strict&dryRun=All`, body, "application/json");
  }

  /** As `kubectl patch deployment` does. */
  async patchDeployment(name, text, namespace = "default") {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
    return this.#errors(
      "PATCH",
      `${path}?fieldValidation=Strict&dryRun=All`,
      JSON.stringify(parse(text)),
      "application/strategic-merge-patch+json",
    );
  }

  async create(text) {
    return this.#errors("POST", pathOf(text).replace(/\/[^/]+$/, ""), JSON.stringify(parse(text)), "application/json");
  }

  async delete(text) {
    await this.#ask("DELETE", pathOf(text));
  }

  /** Installs definitions of resources, and waits until they are served. */
  async define(text) {
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS();
      if (object?.kind !== "CustomResourceDefinition" || !(object.spec.names.kind in groups)) continue;
      const errors = await this.create(JSON.stringify(object));
      if (errors.length > 0) throw new Error(`Cannot define ${object.metadata.name}: ${errors.join("; ")}`);
      const served = object.spec.versions.find((one) => one.served).name;
      const path = `/apis/${object.spec.group}/${served}/namespaces/default/${object.spec.names.plural}`;
      await this.#until(`serve ${object.metadata.name}`, async () => (await this.#ask("GET", path)).status === 200);
    }
  }

  async #errors(method, path, body, type) {
    const { status, text } = await this.#ask(method, path, body, type);
    if (status < 300) return [];
    try {
      return [JSON.parse(text).message ?? text];
    } catch {
      return [text.trim()];
    }
  }
}

const parse = (text) => parseAllDocuments(text, { uniqueKeys: false })[0].toJS();

function pathOf(text) {
  const { apiVersion, kind, metadata } = parse(text);
  const plural = core[kind] ?? groups[kind];
  if (plural === undefined) throw new Error(`No path of ${kind} is known here`);
  const root = kind in core ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
  const space = clusterWide.has(kind) ? "" : `/namespaces/${metadata.namespace ?? "default"}`;
  return `${root}${space}/${plural}/${metadata.name}`;
}

/** The first of so many ports in a row that nobody listens on. */
async function freePorts(count) {
  const listen = (port) =>
    new Promise((resolve, reject) => {
      const server = createServer();
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => resolve(server));
    });
  for (;;) {
    const servers = [await listen(0)];
    const { port } = servers[0].address();
    try {
      for (let i = 1; i < count; i++) servers.push(await listen(port + i));
      return port;
    } catch {
      // the next try begins elsewhere
    } finally {
      for (const server of servers) server.close();
    }
  }
}
