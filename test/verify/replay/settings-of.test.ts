// What a scenario says and our proxy has nothing for is refused by name, never left out.
import { expect, test } from "vitest";
import type { Scenario } from "../../../src/verify/envoy/scenario.js";
import { replay } from "../../../src/verify/replay/replay.js";

test.each<[string, Partial<Scenario>, string]>([
  ["a member", { runtime: { "envoy.x": true } }, "runtime"],
  ["a field of the connection manager", { extra_hcm: { via: "x" } }, "extra_hcm with via"],
  ["a field of a route", { extra_route: { route: { regex_rewrite: {} } } }, "routes[0].route with regex_rewrite"],
  ["a match", { routes: [{ match: { safe_regex: {} } }] }, "routes[0].match with safe_regex"],
  ["a field of a cluster", { extra_cluster: { up: { lb_policy: "RANDOM" } } }, "extra_cluster.up with lb_policy"],
  ["another filter", { extra_filters: [[0, { name: "envoy.filters.http.lua" }]] }, "name: envoy.filters.http.lua"],
])("%s", async (_, more, named) => {
  const scenario: Scenario = { name: "s", plugins: [{ script: "" }], ...more };
  await expect(replay(scenario)).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: expect.stringContaining(named) as string,
  });
});
