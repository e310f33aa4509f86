/** How a UKI can start a machine; each mode is a profile of the same file (systemd-stub(7), "Profiles"). */
export type UkiMode = 'disk' | 'live' | 'recovery' | 'reset';

/** Number of each mode's profile. A new mode goes behind the others: entries on machines name these numbers. */
export const UKI_PROFILE = { disk: 0, live: 1, recovery: 2, reset: 3 } as const satisfies Record<UkiMode, number>;
