/** A moment in a time zone: an IANA name, `UTC`, `Local`, or `+hh:mm`. */
export class GoTime {
  readonly epochMs: number;
  readonly zone: string;

  constructor(epochMs: number, zone = 'Local') {
    this.epochMs = epochMs;
    this.zone = zone;
  }
}
