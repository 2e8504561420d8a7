/** One line for each source file of the labs and the course: path and what its header says it is. */
export function architectureList(root: string): string[];
