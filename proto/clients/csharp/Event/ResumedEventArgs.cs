using System;

namespace Ringcast.Realtime.Event
{
	/// <summary>The player is who it was, and what it missed comes next.</summary>
	public class ResumedEventArgs : EventArgs
	{
		/// <summary>So many messages before that are lost for good, and the game has to be brought up to date. 0 as a rule.</summary>
		public long Lost { get; private set; }

		public ResumedEventArgs(long lost)
		{
			Lost = lost;
		}
	}
}
