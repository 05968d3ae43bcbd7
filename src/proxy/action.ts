/** How a filter lets headers go on. Numbers as in Envoy and the ABI. [H] §6.2 */
export const HeadersAction = {
  Continue: 0,
  StopIteration: 1,
  StopAllBuffer: 3,
  StopAllWatermark: 4,
} as const;
export type HeadersAction = (typeof HeadersAction)[keyof typeof HeadersAction];

/** How a filter lets a part of a body go on. */
export const DataAction = { Continue: 0, StopBuffer: 1, StopWatermark: 2, StopNoBuffer: 3 } as const;
export type DataAction = (typeof DataAction)[keyof typeof DataAction];

export const TrailersAction = { Continue: 0, StopIteration: 1 } as const;
export type TrailersAction = (typeof TrailersAction)[keyof typeof TrailersAction];

/**
 * What a guest's answer to a headers callback means.
 *
 * @param stopped A local response was asked for in this callback: whatever was answered, stop.
 * @param allowStop `allow_on_headers_stop_iteration`: 1 stops the headers alone, else everything. [H] §6.3
 */
export function headersAction(answer: number, stopped: boolean, allowStop: boolean): HeadersAction {
  if (stopped) return HeadersAction.StopAllWatermark;
  switch (answer) {
    case 0:
    case 2: // ContinueAndEndStream, which Envoy does not know
      return HeadersAction.Continue;
    case 1:
      return allowStop ? HeadersAction.StopIteration : HeadersAction.StopAllWatermark;
    case 3:
      return HeadersAction.StopAllBuffer;
    default:
      return HeadersAction.StopAllWatermark;
  }
}

export function dataAction(answer: number, stopped: boolean): DataAction {
  return stopped || answer > 3 ? DataAction.StopNoBuffer : (answer as DataAction);
}

export function trailersAction(answer: number, stopped: boolean): TrailersAction {
  return !stopped && answer === 0 ? TrailersAction.Continue : TrailersAction.StopIteration;
}
