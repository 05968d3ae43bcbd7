import { fileURLToPath } from "node:url";
import { createProxy, reply } from "proxy-wasm-harness";
import "proxy-wasm-harness/vitest";
import { expect, test } from "vitest";

const module = fileURLToPath(new URL("../build/auth.wasm", import.meta.url));

test("every request is asked about, with its own token", async () => {
  const users: Record<string, string> = { "Bearer a": "alice", "Bearer b": "bob" };
  await using proxy = await createProxy({
    filters: [{ module, configuration: { cluster: "auth" } }],
    upstreams: {
      web: (request) => reply(200, `hello ${request.headers.first("x-user")}`),
      auth: (request) => {
        const user = users[request.headers.first("authorization") ?? ""];
        return user === undefined ? reply(401) : reply(200, "", { headers: { "x-user": user } });
      },
    },
  });
  for (const [token, user] of Object.entries(users)) {
    const exchange = await proxy.send({ headers: { authorization: token } });
    expect(exchange).toHaveCalled("auth", { path: "/check", headers: { authorization: token } });
    expect(exchange.response.text()).toBe(`hello ${user}`);
  }
  const denied = await proxy.send({ headers: { authorization: "Bearer c" } });
  expect(denied).toReplyWith({ status: 403, body: "not allowed\n" });
  expect(denied).toHaveLogged("warn", "denied: not allowed");
});
