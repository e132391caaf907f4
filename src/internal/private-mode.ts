/**
 * Modes of what is made here: blocks may be private, and others who use the machine are not their readers. What was
 * there before keeps its mode.
 */
export const PRIVATE_DIRECTORY = 0o700;
export const PRIVATE_FILE = 0o600;
