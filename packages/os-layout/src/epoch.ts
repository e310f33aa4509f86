/**
 * Time stamp of everything in an artefact, in seconds since the epoch: 2026-01-01T00:00:00Z.
 * Fixed, so that the clock of the builder never shows in the bytes.
 */
export const SOURCE_EPOCH = 1_767_225_600;
