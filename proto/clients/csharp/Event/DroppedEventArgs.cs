using System;

namespace Ringcast.Realtime.Event
{
	/// <summary>The connection broke, and is made again.</summary>
	public class DroppedEventArgs : EventArgs
	{
		public string Reason { get; private set; }

		public DroppedEventArgs(string reason)
		{
			Reason = reason;
		}
	}
}
