interface Session { id: string }
export const ssExports = {
	init(session: Session) { throw new Error('from typescript'); },
};
