/**
 * Common name of the certificates that `bowline keys generate --test` makes. A debug image, which opens a root shell, is signed
 * with no others, and no owner enrols them on a real machine.
 */
export const TEST_KEY_SUBJECT = 'Bowline TEST key';
