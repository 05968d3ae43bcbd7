import type { ByteString } from "../../abi/bytes.js";
import type { Clock } from "../../host/services/clock.js";

/** The `date` header, as RFC 9110 writes it: made once a second. */
export class HttpDate {
  private readonly _clock: Clock;
  private _second = -1;
  private _text = "";

  constructor(clock: Clock) {
    this._clock = clock;
  }

  now(): ByteString {
    const second = Number(this._clock.wallNs / 1_000_000_000n);
    if (second !== this._second) {
      this._second = second;
      this._text = new Date(second * 1000).toUTCString();
    }
    return this._text;
  }
}
