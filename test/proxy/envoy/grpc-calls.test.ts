// What the recordings of gRPC calls do not reach: messages cut at every place, targets that nothing can be played to.
import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { MessageWriter } from "../../../src/abi/protobuf.js";
import { byteString, utf8 } from "../../../src/abi/bytes.js";
import type { GrpcEvents } from "../../../src/host/callouts.js";
import { Clock } from "../../../src/host/services/clock.js";
import { grpcCall } from "../../../src/proxy/envoy/grpc-calls.js";
import { frameMessage, MessageReader } from "../../../src/proxy/envoy/grpc-messages.js";
import { grpcTarget } from "../../../src/proxy/envoy/grpc-target.js";
import type { Cluster } from "../../../src/proxy/envoy/peers.js";
import { newestProfile } from "../../../src/proxy/envoy/profiles.js";

/** Two messages, the second one empty, as gRPC's wire format puts them. */
const wire = Uint8Array.from([0, 0, 0, 0, 3, 97, 98, 99, 0, 0, 0, 0, 0]);

describe("messages", () => {
  test.each(Array.from(wire, (_, cut) => cut))("cut after %i bytes: the same two", (cut) => {
    const reader = new MessageReader();
    const found = [wire.subarray(0, cut), wire.subarray(cut)].flatMap((part) => reader.read(part).messages);
    expect(found.map(byteString)).toEqual(["abc", ""]);
  });

  test("byte by byte: each when it is whole", () => {
    const reader = new MessageReader();
    const counts = Array.from(wire, (byte) => reader.read(Uint8Array.of(byte)).messages.length);
    expect(counts).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  });

  test("framed: no flags, the length in four bytes, the high one first", () => {
    expect(frameMessage(new Uint8Array(258)).subarray(0, 5)).toEqual(Uint8Array.of(0, 0, 0, 1, 2));
  });
});

const silent: GrpcEvents = {
  initialMetadata: () => {},
  message: () => {},
  trailingMetadata: () => {},
  succeed: () => {},
  close: () => {},
};

/** A call to a proxy whose cluster `none` has no host. */
function call(upstream: string, kind: "unary" | "stream") {
  const closes: (readonly [number, string])[] = [];
  const crashes: string[] = [];
  const cluster: Cluster = { name: "none", protocol: "HTTP/2", hosts: [] };
  const result = grpcCall(
    {
      upstream,
      service: "s",
      method: "m",
      metadata: [],
      ...(kind === "unary" && { message: utf8("x"), timeoutMs: 5 }),
    },
    kind,
    { ...silent, close: (status, message) => closes.push([status, message]) },
    {
      clusters: new Map([["none", cluster]]),
      clock: new Clock(),
      profile: newestProfile,
      onCrash: (why) => crashes.push(why),
      note: () => {},
    },
  );
  return { result, closes, crashes };
}

describe("a cluster without hosts", () => {
  test("a unary call is refused, uses a token, and its end is told all the same", () => {
    const { result, closes, crashes } = call("none", "unary");
    expect(result).toEqual({ status: Status.InternalFailure, usesToken: true, eventsFollow: true });
    expect(closes).toEqual([[14, "no healthy upstream{no_healthy_upstream}"]]);
    expect(crashes).toEqual([]);
  });

  test("a stream holds a real Envoy's thread for ever: refused, and told", () => {
    const { result, closes, crashes } = call("none", "stream");
    expect(result).toEqual({ status: Status.InternalFailure });
    expect(closes).toEqual([]);
    expect(crashes).toEqual([expect.stringContaining("never returns")]);
  });
});

describe("targets", () => {
  const google = byteString(
    new MessageWriter().bytes(2, new MessageWriter().bytes(1, "example.com:443").finish()).finish(),
  );

  test("Google's client leaves the proxy: refused, nothing is sent", () => {
    expect(grpcTarget(google)).toEqual({ kind: "service", upstream: "example.com:443", google: true });
    expect(call(google, "unary").result).toEqual({ status: Status.InternalFailure });
  });

  test("of a oneof the last one counts", () => {
    const service = new MessageWriter().bytes(1, new MessageWriter().bytes(1, "grpc").finish()).finish();
    expect(grpcTarget(google + byteString(service))).toEqual({ kind: "service", upstream: "grpc" });
  });
});
