/** Version of the agent; the same as in package.json, which is not at hand in a single executable. */
export const AGENT_VERSION = '0.1.0';
