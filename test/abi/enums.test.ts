// The numbers of proxy-wasm-abi.md §6.
import { describe, expect, test } from "vitest";
import {
  Action,
  BufferType,
  CalloutKind,
  LogLevel,
  logLevelNames,
  MapType,
  MetricType,
  nameOf,
  PeerType,
  Status,
  StreamType,
} from "../../src/abi/enums.js";

describe("the tables", () => {
  test("count from 0 in the order of the specification", () => {
    const tables = [Status, Action, LogLevel, MapType, BufferType, StreamType, MetricType, PeerType, CalloutKind];
    for (const table of tables) {
      const numbers = Object.values(table);
      expect(numbers).toEqual(numbers.map((_, i) => i));
    }
    expect(tables.map((table) => Object.keys(table).length)).toEqual([13, 2, 6, 8, 9, 4, 3, 3, 3]);
  });

  test.each([
    [Status.NotFound, 1],
    [Status.BadArgument, 2],
    [Status.SerializationFailure, 3],
    [Status.ParseFailure, 4],
    [Status.InvalidMemoryAccess, 6],
    [Status.Empty, 7],
    [Status.CasMismatch, 8],
    [Status.InternalFailure, 10],
    [Status.BrokenConnection, 11],
    [Status.Unimplemented, 12],
    [BufferType.CallResponseBody, 4],
    [BufferType.GrpcMessage, 5],
    [BufferType.VmConfiguration, 6],
    [BufferType.PluginConfiguration, 7],
    [BufferType.ForeignFunctionArguments, 8],
    [MapType.CallResponseHeaders, 6],
    [MapType.CallResponseTrailers, 7],
  ])("%i is %i", (value, number) => {
    expect(value).toBe(number);
  });

  test("log levels have their names in order", () => {
    expect(
      logLevelNames.map((name) => LogLevel[`${name[0]!.toUpperCase()}${name.slice(1)}` as keyof typeof LogLevel]),
    ).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe("nameOf()", () => {
  test.each([
    [2, "BadArgument"],
    [0, "Ok"],
    [99, "99"],
    [-1, "-1"],
  ])("names %i %s", (value, name) => {
    expect(nameOf(Status, value)).toBe(name);
  });
});
