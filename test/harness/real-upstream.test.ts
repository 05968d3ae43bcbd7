import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createProxy, realUpstream } from "../../src/index.js";
import { probeWith } from "../support/probe.js";

const tag = probeWith("on_request_headers: add 0 x-tag on");

test("a real server answers: what the plugin wrote reaches it, what it says reaches the client", async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      seen.push(`${method} ${url} ${headers.host} ${String(headers["x-tag"])} ${Buffer.concat(chunks).toString()}`);
      response
        .writeHead(
          201,
          [
            ["x-two", "1"],
            ["x-two", "2"],
          ].flat(),
        )
        .end("made");
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address() as AddressInfo;
  await using proxy = await createProxy({
    filters: [tag],
    upstreams: { web: realUpstream(`http://127.0.0.1:${port}`) },
  });
  const { response } = await proxy.send({ path: "/a?b", authority: "shop.test", body: "text" });
  expect(seen).toEqual(["POST /a?b shop.test on text"]);
  expect(response.status).toBe(201);
  expect(response.text()).toBe("made");
  expect(response.headers.getAll("x-two")).toEqual(["1", "2"]);
});

test("nobody listens: as a refused connection", async () => {
  await using proxy = await createProxy({ filters: [tag], upstreams: { web: realUpstream("http://127.0.0.1:9") } });
  const { response, access } = await proxy.send();
  expect(response.status).toBe(503);
  expect(access?.flags).toBe("UF");
});

test("what is no URL is refused at once", () => {
  expect(() => realUpstream("localhost")).toThrow(
    'Cannot use upstream "localhost": a URL like http://127.0.0.1:8080 is wanted',
  );
});
