// HTTP/1 as the replay hands it to our proxy: RFC 9112 for what a message is, Envoy's codec for the portions (behaviour §2.2).
import { expect, test } from "vitest";
import { framingOf, type H1Framing, type H1Head, H1Parser } from "../../../src/verify/replay/h1-parser.js";

/** Feeds the parts to a parser and tells what it handed on. */
function parse(
  parts: readonly string[],
  framing: (head: H1Head) => H1Framing = ({ fields }) => framingOf(fields) ?? "none",
) {
  const seen: unknown[] = [];
  const parser = new H1Parser({
    head: (head) => {
      seen.push(head.line, ...head.fields.map((field) => field.join("=")));
      return framing(head);
    },
    headers: (end) => seen.push(end ? "headers, end" : "headers"),
    data: (bytes, end) => seen.push(`data ${Buffer.from(bytes).toString()}${end ? " end" : ""}`),
    trailers: (fields) => seen.push(`trailers ${fields.map((field) => field.join("=")).join(" ")}`),
    complete: () => seen.push("complete"),
    error: (details) => seen.push(details),
  });
  for (const part of parts) parser.push(Buffer.from(part, "latin1"));
  return { seen, parser };
}

test("a request without a body ends with its headers; names are in lower case, values trimmed", () => {
  const { seen } = parse(["GET / HTTP/1.1\r\nHost: a\r\nX-A:  1 \t\r\n", "\r\n"]);
  expect(seen).toEqual(["GET / HTTP/1.1", "host=a", "x-a=1", "headers, end", "complete"]);
});

test("a body with a length ends with an empty portion; what one read brings is one portion", () => {
  const { seen } = parse(["POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", "c", "de"]);
  expect(seen.slice(2)).toEqual(["headers", "data ab", "data c", "data de", "data  end", "complete"]);
});

test("chunks of one read are one portion, those of two are two", () => {
  const { seen } = parse([
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=1\r\ncde\r\n",
    "1\r\nf\r\n0\r\n\r\n",
  ]);
  expect(seen.slice(2)).toEqual(["headers", "data abcde", "data f", "data  end", "complete"]);
});

test("trailers end a chunked message, after the bytes before them", () => {
  const { seen } = parse(["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n"]);
  expect(seen.slice(2)).toEqual(["headers", "data a", "trailers t=1", "complete"]);
});

test("the next message waits until the one before is answered", () => {
  const two = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
  const { seen, parser } = parse([two]);
  expect(seen).toEqual(["GET /1 HTTP/1.1", "headers, end", "complete"]);
  parser.resume();
  expect(seen.slice(3)).toEqual(["GET /2 HTTP/1.1", "headers, end", "complete"]);
});

test("held back, it hands on nothing; then all at once", () => {
  const { seen, parser } = parse(["POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n"]);
  parser.hold(true);
  parser.push(Buffer.from("ab"));
  parser.push(Buffer.from("cd"));
  expect(seen.slice(2)).toEqual(["headers"]);
  parser.hold(false);
  expect(seen.slice(3)).toEqual(["data abcd", "data  end", "complete"]);
});

test("a body without a length ends with the connection; one with a length does not", () => {
  const open = parse(["HTTP/1.1 200 OK\r\n\r\nab"], () => "close");
  expect([open.parser.inBody, open.parser.finish()]).toEqual([true, true]);
  expect(open.seen.slice(1)).toEqual(["headers", "data ab", "data  end", "complete"]);
  const cut = parse(["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"]);
  expect([cut.parser.inBody, cut.parser.finish()]).toEqual([true, false]);
});

test.each([
  ["a field without a colon", "GET / HTTP/1.1\r\nbad header\r\n\r\n"],
  ["a chunk size that is no number", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
])("%s is an error of the codec, and nothing follows", (_, text) => {
  const { seen, parser } = parse([text]);
  expect(seen.at(-1)).toBe("http1.codec_error");
  parser.push(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  expect(seen.at(-1)).toBe("http1.codec_error");
});
