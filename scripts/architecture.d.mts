/** One line for each source file of the labs: path and what its header says it is. */
export function architectureList(root: string): string[];
