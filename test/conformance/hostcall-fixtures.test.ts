// The `hostcalls` fixtures make, through their SDKs, the hostcalls that the table of fixtures/README.md says: all of ABI 0.2.1.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { abiTraits, hostcallBelongsTo } from "../../src/abi/version.js";
import { createProxy, loadPlugin, reply } from "../../src/index.js";
import type { TraceEvent } from "../../src/host/trace.js";
import { hostcalls } from "../../src/host/hostcalls/index.js";
import { fixture } from "../support/fixtures.js";

const [head, ...rows] = [
  ...readFileSync(fixture("README.md"), "utf8").matchAll(/^\| (?:`(proxy_\w+)`|Hostcall) \|(.*)\|$/gm),
].map(([, name, cells]) => ({ name, marks: cells!.split("|").map((cell) => cell.trim()) }));
const marked = (column: string): string[] => {
  const at = head!.marks.indexOf(column);
  return rows.flatMap(({ name, marks }) => (marks[at] === "" ? [] : [name!])).toSorted();
};

const names = (events: readonly TraceEvent[]): string[] =>
  events.flatMap((event) =>
    event.kind === "hostcall" ? [event.descriptor.name] : event.kind === "log" ? ["proxy_log"] : [],
  );

/** Every path of a fixture's README, each as one exchange; what its plugin called. */
async function calledOverHttp(folder: string): Promise<Set<string>> {
  const readme = readFileSync(fixture(`${folder}/README.md`), "utf8");
  const headings = [...readme.matchAll(/^## (.*)$/gm)].map(([, text]) => text!);
  const paths = new Set(headings.flatMap((text) => [...text.matchAll(/`(\/[^`]*)`/g)].map(([, path]) => path!)));
  const proxy = await createProxy({
    filters: [
      {
        module: fixture(`${folder}/hostcalls.wasm`),
        rootId: "r",
        configuration: "upstream call\ntick 100\ndefer-done",
      },
    ],
    upstreams: { up: reply(200, "hello", { headers: { "x-fixture-a": "one" } }), call: reply(200, "hello") },
    onUnknownUpstream: "503",
    onFailure: "policy",
  });
  const { vms } = proxy.engine.worker;
  const events: TraceEvent[] = (vms[0]!.trace.events ??= []);
  for (const path of paths) {
    await proxy.send({ method: "POST", path, headers: { "x-fixture-a": "one" }, body: "abc" });
  }
  const { clock } = proxy;
  clock.advance(1000);
  proxy.close();
  clock.advance(1000);
  expect(paths.size).toBeGreaterThan(10);
  return new Set(names(events));
}

describe("fixtures/README.md", () => {
  test("its table has every hostcall of ABI 0.2.1, and a fixture makes each of them with sound arguments", () => {
    const all = [...hostcalls.keys()].filter((name) => name.startsWith("proxy_"));
    const inVersion = all.filter((name) => hostcallBelongsTo(name, abiTraits["0.2.1"]));
    expect(rows.map(({ name }) => name).toSorted()).toEqual(inVersion.toSorted());
    expect(rows.filter(({ marks }) => !marks.includes("●"))).toEqual([]);
  });

  test("what no SDK has is in the C++ fixture alone", () => {
    const sdks = new Set(head!.marks.slice(0, -1).flatMap(marked));
    const alone = marked("hostcalls-cpp").filter((name) => !sdks.has(name));
    expect(alone).toEqual(["proxy_get_buffer_status", "proxy_get_header_map_size"]);
  });

  test.each(["hostcalls-rust", "hostcalls-tinygo", "hostcalls-cpp"])(
    "%s calls what it is said to call",
    async (folder) => {
      const called = await calledOverHttp(folder);
      if (folder === "hostcalls-tinygo") {
        // its SDK closes streams of TCP only
        using plugin = await loadPlugin(fixture(`${folder}/hostcalls.wasm`), { configuration: "tcp", trace: true });
        plugin.openTcpStream().downstreamData("close-downstream");
        for (const name of names(plugin.trace)) called.add(name);
      }
      expect([...called].filter((name) => name.startsWith("proxy_")).toSorted()).toEqual(marked(folder));
    },
  );
});
