export function openerOf(file: string): string | undefined;
export function unitSpecs(): string[];
