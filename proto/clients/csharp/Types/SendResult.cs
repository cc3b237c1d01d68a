namespace Ringcast.Realtime.Types
{
	/// <summary>What became of a message or a command.</summary>
	public enum SendResult
	{
		SentFast,
		SentReliable,
		/// <summary>Nobody is logged in.</summary>
		NotConnected,
		/// <summary>The send queue, or for a datagram the system's, has no room.</summary>
		Full,
		/// <summary>Op code 0, no target, or a group that nobody can join.</summary>
		Invalid
	}
}
