// Our clients against our origins, and each against an implementation that is not ours, without Envoy between them.
import { createServer as createHttpServer } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { ClientSpec, OriginSpec } from "../../src/verify/envoy/scenario.js";
import { connectTo } from "../../src/verify/envoy/wire/byte-stream.js";
import { playH1 } from "../../src/verify/envoy/wire/h1-client.js";
import { playH2 } from "../../src/verify/envoy/wire/h2-client.js";
import { Origin, type OriginKind } from "../../src/verify/envoy/wire/origin.js";
import { playTcp } from "../../src/verify/envoy/wire/tcp-client.js";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function origin(specs: readonly OriginSpec[] = [{}], kind: OriginKind = { speaks: "http" }): Promise<Origin> {
  const listening = await Origin.listen(kind, specs);
  open.push(listening);
  return listening;
}

const dial = (port: number) => () => connectTo(port);

const fast = { chunk_delay_ms: 5 } as const;

describe("HTTP/1", () => {
  test("header order, case and duplicates, chunks and trailers both ways", async () => {
    const server = await origin([
      {
        status: 201,
        reason: "Made",
        headers: [
          ["X-B", "2"],
          ["x-a", "1"],
          ["X-B", "3"],
        ],
        body: ["ab", "cde"],
        trailers: [["t", "v"]],
        ...fast,
      },
    ]);
    const record = await playH1(
      {
        path: "/p?q",
        headers: [
          ["Z", "1"],
          ["a", "2"],
          ["Z", "3"],
        ],
        body: ["one", "two!"],
        trailers: [["ct", "1"]],
        ...fast,
      },
      dial(server.port),
    );
    expect(record).toEqual({
      proto: "http1",
      line: "HTTP/1.1 201 Made",
      status: 201,
      headers: [
        ["X-B", "2"],
        ["x-a", "1"],
        ["X-B", "3"],
        ["transfer-encoding", "chunked"],
      ],
      body: "abcde",
      chunks: [2, 3],
      trailers: [["t", "v"]],
      end: "complete",
      connection: "open",
    });
    expect(server.take()).toEqual([
      {
        proto: "http1",
        line: "POST /p?q HTTP/1.1",
        headers: [
          ["host", "test.local"],
          ["Z", "1"],
          ["a", "2"],
          ["Z", "3"],
          ["transfer-encoding", "chunked"],
        ],
        body: "onetwo!",
        chunks: [3, 4],
        trailers: [["ct", "1"]],
        end: "complete",
      },
    ]);
  });

  const ends: { claim: string; client?: ClientSpec; origin: OriginSpec; expected: object }[] = [
    {
      claim: "a body ended by the connection",
      origin: { framing: "close" },
      expected: { end: "complete", connection: "closed" },
    },
    {
      claim: "too short a body",
      origin: { headers: [["content-length", "9"]], abort: "mid_body" },
      expected: { end: "closed", body: "hello" },
    },
    {
      claim: "a reset instead of a response",
      origin: { abort: "before_headers" },
      expected: { proto: "http1", end: "closed" },
    },
    {
      claim: "no response",
      client: { timeout_ms: 60 },
      origin: { hang: true },
      expected: { proto: "http1", end: "timeout" },
    },
    {
      claim: "a client that leaves",
      client: { abort_after_ms: 30 },
      origin: { hang: true },
      expected: { proto: "http1", end: "aborted" },
    },
    {
      claim: "bytes behind the response",
      origin: { raw: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokmore", close: false },
      expected: { end: "complete", body: "ok", extra: "more" },
    },
    {
      claim: "1xx before the response",
      origin: { raw: "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", close: false },
      expected: {
        status: 204,
        informational: [
          [
            [":status", "103"],
            ["link", "x"],
          ],
        ],
        end: "complete",
      },
    },
  ];
  test.each(ends)("$claim", async ({ client, origin: spec, expected }) => {
    const server = await origin([spec]);
    expect(await playH1(client ?? {}, dial(server.port))).toMatchObject(expected);
  });

  test("a request that is not finished stays open at the origin, and closes when the client goes", async () => {
    const server = await origin();
    const playing = playH1({ body: "abc", content_length: 9, timeout_ms: 80, ...fast }, dial(server.port));
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(server.take()).toMatchObject([{ end: "open" }]);
    expect(await playing).toEqual({ proto: "http1", end: "timeout" });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(server.take()).toMatchObject([{ end: "closed", body: "abc" }]);
  });

  test("against Node's server", async () => {
    const server = createHttpServer((request, response) => {
      request.pipe(response.writeHead(200, { "x-method": request.method }));
    });
    open.push({ close: () => server.close() });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const record = await playH1({ body: ["ab", "c"], ...fast }, dial((server.address() as AddressInfo).port));
    expect(record).toMatchObject({ status: 200, body: "abc", end: "complete" });
    expect(record.headers).toContainEqual(["x-method", "POST"]);
  });

  test("nobody listens", async () => {
    expect(await playH1({}, dial(1))).toEqual({ proto: "http1", end: "refused" });
  });
});

describe("HTTP/2", () => {
  test("any header list, DATA frames and trailers both ways", async () => {
    const server = await origin([
      {
        headers: [
          ["X-Upper", "1"],
          [":status", "299"],
        ],
        body: ["ab", "cde"],
        trailers: [["t", "v"]],
        ...fast,
      },
    ]);
    const record = await playH2(
      { body: ["one", "two!"], headers: [["connection", "x"]], trailers: [["ct", "1"]], ...fast },
      dial(server.port),
    );
    expect(record).toEqual({
      proto: "http2",
      status: 200,
      headers: [
        [":status", "200"],
        ["X-Upper", "1"],
        [":status", "299"],
      ],
      body: "abcde",
      chunks: [2, 3],
      trailers: [["t", "v"]],
      end: "complete",
    });
    expect(server.take()).toEqual([
      {
        proto: "http2",
        headers: [
          [":method", "POST"],
          [":scheme", "http"],
          [":authority", "test.local"],
          [":path", "/"],
          ["connection", "x"],
        ],
        body: "onetwo!",
        chunks: [3, 4],
        trailers: [["ct", "1"]],
        end: "complete",
      },
    ]);
  });

  test("METADATA frames both ways", async () => {
    const server = await origin([{ metadata: [["n", "1"]] }]);
    const record = await playH2({ body: "a", metadata: [["m", "2"]], ...fast }, dial(server.port));
    expect(record).toMatchObject({ metadata: [[["n", "1"]]], body: "hello", end: "complete" });
    expect(server.take()).toMatchObject([{ metadata: [[["m", "2"]]], body: "a" }]);
  });

  test("a reset by the origin, a reset by the client", async () => {
    const server = await origin([{ abort: "after_headers", error: 11 }, { hang: true }]);
    expect(await playH2({}, dial(server.port))).toMatchObject({ status: 200, end: "reset", resetCode: 11 });
    expect(await playH2({ abort_after_ms: 20 }, dial(server.port))).toEqual({ proto: "http2", end: "aborted" });
    expect(server.take()[1]).toMatchObject({ end: "complete", afterwards: "reset", resetCode: 8 });
  });

  test("bodies larger than every window, against Node's server", async () => {
    const server = createHttp2Server();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-length": 300_000 });
      stream.pipe(stream);
    });
    open.push({ close: () => server.close() });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const record = await playH2(
      { body: "rep:300000:x", timeout_ms: 5000 },
      dial((server.address() as AddressInfo).port),
    );
    expect(record).toMatchObject({ status: 200, end: "complete" });
    expect(record.body).toContain("len=300000");
  });

  test("bodies larger than every window, against Node's client", async () => {
    const server = await origin([{ body: "rep:300000:y", headers: [["x-long", "v".repeat(20_000)]] }]);
    const session = connect(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 1000 } });
    try {
      const request = session.request({ ":method": "POST", ":path": "/x", "x-a": "1" });
      request.end("z".repeat(200_000));
      let size = 0;
      for await (const part of request) size += (part as Buffer).length;
      expect(size).toBe(300_000);
    } finally {
      session.destroy();
    }
    expect(server.take()[0]).toMatchObject({ proto: "http2", end: "complete" });
    expect(server.take()[0]?.body).toContain("len=200000");
  });
});

test("TCP: greeting, answer to the first bytes, close", async () => {
  const server = await origin([{ greet: "hi ", body: "bye", close: true, ...fast }], { speaks: "tcp" });
  expect(await playTcp({ body: ["", "one"], ...fast }, dial(server.port))).toEqual({
    proto: "tcp",
    body: "hi bye",
    end: "closed",
  });
  expect(server.take()).toEqual([{ proto: "tcp", body: "one", end: "complete" }]);
});

test("a connection that carries nothing is counted", async () => {
  const server = await origin();
  await playTcp({ close: true }, dial(server.port));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(server.take()).toEqual([]);
  expect(server.idle).toBe(1);
});
