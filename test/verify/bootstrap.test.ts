// Field names and shapes as `../shared/reference/envoy-behaviour.md` sections 1.1 and 1.2 and Envoy's API have them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { bootstrapOf } from "../../src/verify/envoy/bootstrap.js";
import type { Scenario } from "../../src/verify/envoy/scenario.js";

const modules = mkdtempSync(join(tmpdir(), "pwh-modules-"));
writeFileSync(join(modules, "probe.wasm"), "abc");
afterAll(() => rmSync(modules, { recursive: true, force: true }));

const ports = { up: 1001, up2: 1002, call: 1003, grpc: 1004, code: 1005, refused: 1 };

// Untyped: a test reads whatever place it names.
// oxlint-disable-next-line typescript/no-explicit-any
const bootstrap = (scenario: Omit<Scenario, "name">): any =>
  bootstrapOf({ name: "t", ...scenario }, { ports, modules, accessLog: "/tmp/x/access.log" });

const manager = (scenario: Omit<Scenario, "name">) =>
  bootstrap(scenario).static_resources.listeners[0].filter_chains[0].filters.at(-1).typed_config;
const plugin = (spec: NonNullable<Scenario["plugins"]>[number]) =>
  manager({ plugins: [spec] }).http_filters[0].typed_config.config;

describe("bootstrapOf()", () => {
  test("one plugin by default: the probe, on V8, from a local file", () => {
    expect(manager({ plugins: [{}] }).http_filters).toEqual([
      {
        name: "p",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
          config: {
            name: "p",
            vm_config: {
              runtime: "envoy.wasm.runtime.v8",
              code: { local: { filename: join(modules, "probe.wasm") } },
            },
          },
        },
      },
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ]);
  });

  test("every plugin option has Envoy's field", () => {
    const config = plugin({
      name: "n",
      root_id: "r",
      vm_id: "v",
      script: ["a: b", "c: d"],
      vm_config: { struct: { k: 1 } },
      failure_policy: "FAIL_RELOAD",
      reload_ms: 200,
      allow_stop: true,
      capabilities: ["proxy_log"],
      env: { A: "1" },
      env_host: ["B"],
    });
    expect(config).toMatchObject({
      name: "n",
      root_id: "r",
      configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "a: b\nc: d" },
      failure_policy: "FAIL_RELOAD",
      reload_config: { backoff: { base_interval: "0.200s" } },
      allow_on_headers_stop_iteration: true,
      capability_restriction_config: { allowed_capabilities: { proxy_log: {} } },
      vm_config: {
        vm_id: "v",
        configuration: { "@type": "type.googleapis.com/google.protobuf.Struct", value: { k: 1 } },
        environment_variables: { key_values: { A: "1" }, host_env_keys: ["B"] },
      },
    });
    expect(config).not.toHaveProperty("fail_open");
  });

  test("remote code has the sha256 of the module and the port of the cluster that serves it", () => {
    expect(plugin({ remote: {} }).vm_config.code).toEqual({
      remote: {
        http_uri: { uri: "http://127.0.0.1:1005/probe.wasm", cluster: "code", timeout: "2s" },
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        retry_policy: { num_retries: 0 },
      },
    });
  });

  test("clusters have the ports of the origins, and `empty` has no host", () => {
    const clusters = bootstrap({ upstream: "http2" }).static_resources.clusters;
    const hosts = clusters.map((cluster: { name: string; load_assignment: { endpoints: unknown[] } }) => [
      cluster.name,
      JSON.stringify(cluster.load_assignment.endpoints).match(/"port_value":(\d+)/)?.[1],
    ]);
    expect(Object.fromEntries(hosts)).toEqual({
      up: "1001",
      up2: "1002",
      call: "1003",
      grpc: "1004",
      code: "1005",
      refused: "1",
      empty: undefined,
    });
    const overHttp2 = clusters.filter((cluster: unknown) => JSON.stringify(cluster).includes("http2_protocol_options"));
    expect(overHttp2.map((cluster: { name: string }) => cluster.name)).toEqual(["up", "up2", "grpc"]);
  });

  test("listener and admin leave the port to the system, on loopback", () => {
    const anywhere = { socket_address: { address: "127.0.0.1", port_value: 0 } };
    expect(bootstrap({}).admin.address).toEqual(anywhere);
    expect(bootstrap({}).static_resources.listeners[0].address).toEqual(anywhere);
  });

  test("a limit holds for the listener and the routed clusters", () => {
    const made = bootstrap({ buffer_limit: 1024 });
    expect(made.static_resources.listeners[0].per_connection_buffer_limit_bytes).toBe(1024);
    expect(made.static_resources.clusters[0].per_connection_buffer_limit_bytes).toBe(1024);
    const half = bootstrap({ buffer_limit: 1024, upstream_limit: false });
    expect(half.static_resources.clusters[0]).not.toHaveProperty("per_connection_buffer_limit_bytes");
  });

  test("each kind of plugin stands in its place", () => {
    const plugins = (["network", "access_log", "service", "stats_sink", "upstream"] as const).map((kind) => ({
      kind,
      name: kind,
    }));
    const made = bootstrap({ plugins });
    const [network, hcm] = made.static_resources.listeners[0].filter_chains[0].filters;
    expect(network.typed_config["@type"]).toMatch("envoy.extensions.filters.network.wasm.v3.Wasm");
    expect(hcm.typed_config.access_log[1].typed_config["@type"]).toMatch("access_loggers.wasm.v3.WasmAccessLog");
    expect(made.bootstrap_extensions[0].typed_config).toMatchObject({ singleton: true, config: { name: "service" } });
    expect(made.stats_sinks[0].typed_config.config.name).toBe("stats_sink");
    const options = Object.values(made.static_resources.clusters[0].typed_extension_protocol_options)[0];
    expect(options).toMatchObject({
      http_filters: [{ name: "upstream" }, { name: "envoy.filters.http.upstream_codec" }],
    });
  });

  test("extras are merged member by member, lists replaced", () => {
    const made = manager({
      stream_idle_timeout_ms: 500,
      extra_hcm: { use_remote_address: true, route_config: { name: "other" } },
      extra_route: { route: { cluster: "up2" } },
      extra_filters: [[0, { name: "first" }]],
    });
    expect(made).toMatchObject({
      use_remote_address: true,
      stream_idle_timeout: "0.500s",
      route_config: { name: "other", virtual_hosts: [{ routes: [{ route: { cluster: "up2", timeout: "15s" } }] }] },
    });
    expect(made.http_filters[0]).toEqual({ name: "first" });
  });

  test("TCP: network filters, then the TCP proxy", () => {
    const { filters } = bootstrap({ tcp: true, plugins: [{ kind: "network" }] }).static_resources.listeners[0]
      .filter_chains[0];
    expect(filters.map((filter: { name: string }) => filter.name)).toEqual(["p", "tcp"]);
    expect(filters[1].typed_config.cluster).toBe("up");
  });
});
