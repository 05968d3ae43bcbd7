// A connection of the proxy with half-close, without filters. The rules are those that test/recordings/tcp.jsonl shows of a client's
// connection: who closes depends on what came last, and what is on its way leaves first.
import { describe, expect, test } from "vitest";
import { Clock } from "../../src/host/services/clock.js";
import { BodyBuffer } from "../../src/proxy/body-buffer.js";
import type { TcpPeer } from "../../src/proxy/tcp-socket.js";
import { TcpSocket } from "../../src/proxy/tcp-socket.js";

/** Takes what it reads when `takes` says so, and tells all that happens. */
class Told extends TcpSocket {
  readonly events: string[] = [];
  takes = true;
  onPeerData: () => void = () => {};
  protected readonly peer: TcpPeer = {
    data: (bytes) => {
      this.events.push(`peer data ${Buffer.from(bytes).toString()}`);
      this.onPeerData();
    },
    end: () => this.events.push("peer end"),
    closed: () => this.events.push("peer closed"),
  };

  constructor(limit?: number) {
    super(new Clock(), limit);
  }
  tick(): void {
    this.clock.advance(0);
  }
  text(text: string): void {
    this.data(Buffer.from(text));
    this.tick();
  }
  say(text: string, endOfStream = false): void {
    this.write(new BodyBuffer(Buffer.from(text)), endOfStream);
  }
  protected onRead(): void {
    this.events.push(`read ${this.readBuffer.size}${this.readEnded ? " end" : ""}`);
    if (this.takes) this.readBuffer.clear();
  }
  protected onWrite(): boolean {
    return true;
  }
  protected onClosed(by: string): void {
    this.events.push(`closed ${by}`);
  }
}

describe("TcpSocket", () => {
  test("the last FIN that it reads closes as remote, the last that it writes as local", () => {
    const first = new Told();
    first.say("", true);
    first.tick();
    first.end();
    expect(first.events).toEqual(["peer end", "read 0 end", "closed remote", "peer closed"]);
    const second = new Told();
    second.end();
    second.say("bye", true);
    second.tick();
    expect(second.events).toEqual(["read 0 end", "peer data bye", "peer end", "closed local", "peer closed"]);
  });

  test("close(flush) lets what was written leave in its own event; close() sends it at once", () => {
    const flushed = new Told();
    flushed.say("last");
    flushed.close(true);
    expect(flushed.isOpen).toBe(false);
    flushed.text("ignored");
    expect(flushed.events).toEqual(["peer data last", "closed local", "peer closed"]);
    const hard = new Told();
    hard.say("last");
    hard.close(false);
    expect(hard.events).toEqual(["peer data last", "closed local", "peer closed"]);
  });

  test("a peer that answers the last bytes with a reset ends the connection once", () => {
    const socket = new Told();
    socket.onPeerData = () => socket.reset();
    socket.say("last");
    socket.close(false);
    expect(socket.events).toEqual(["peer data last", "closed remote", "peer closed"]);
  });

  test("a reset drops what nobody has read", () => {
    const socket = new Told();
    socket.pauseReading();
    socket.text("lost");
    socket.reset();
    expect(socket.events).toEqual([]);
    socket.resumeReading();
    socket.tick();
    expect(socket.events).toEqual(["closed remote", "peer closed"]);
  });

  test("what is not taken is there again with the next bytes, up to the limit", () => {
    const socket = new Told(8);
    socket.takes = false;
    socket.text("12345");
    socket.text("678");
    socket.text("9");
    expect(socket.events).toEqual(["read 5", "read 8"]);
  });

  test("bytes and a FIN that wait are read together", () => {
    const socket = new Told();
    socket.pauseReading();
    socket.text("one");
    socket.end();
    socket.resumeReading();
    socket.tick();
    expect(socket.events).toEqual(["read 3 end"]);
  });
});
