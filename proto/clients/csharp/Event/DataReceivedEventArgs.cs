namespace Ringcast.Realtime.Event
{
	public class DataReceivedEventArgs : BaseEventArgs
	{
		/// <summary>We, if the message was for us alone, else 0.</summary>
		public int TargetPlayer { get; private set; }
		/// <summary>The group that it was for, else 0.</summary>
		public int TargetGroup { get; private set; }
		/// <summary>It came by UDP.</summary>
		public bool IsFast { get; private set; }

		public DataReceivedEventArgs(int sender, int opCode, byte[] data) : base(sender, opCode, data)
		{
		}

		internal DataReceivedEventArgs(int sender, int opCode, byte[] data, int targetPlayer, int targetGroup, bool isFast) : base(sender, opCode, data)
		{
			TargetPlayer = targetPlayer;
			TargetGroup = targetGroup;
			IsFast = isFast;
		}
	}
}
