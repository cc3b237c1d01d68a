namespace Ringcast.Realtime.Wire
{
	/// <summary>Field numbers of the commands in a packet, of which it has one at most.</summary>
	internal enum PacketCommand
	{
		None = 0,
		Login = 30,
		LoginResult = 31,
		Ping = 32,
		PingResult = 33,
		UdpConnect = 34,
		PlayerConnect = 35,
		PlayerDisconnect = 36,
		VerifyIdentity = 37,
		VerifyIdentityResult = 38,
		JoinGroup = 40,
		LeaveGroup = 41,
		RequestGroupMembership = 42,
		GroupMembershipUpdate = 43
	}

	/// <summary>One decoded unit of the protocol. What a client has no use for is read over.</summary>
	internal struct Packet
	{
		public int OpCode;
		public int SequenceNumber;
		public int TargetPlayer;
		public int TargetGroup;
		public int Sender;
		public bool IsReliable;
		/// <summary>Null for none.</summary>
		public byte[] Payload;
		public PacketCommand Command;

		/// <summary>Of a login.</summary>
		public byte[] PlayerSessionId;
		public bool MayResume;
		public bool NoEcho;
		public bool MayMerge;
		/// <summary>Of a login that resumes, and of a login result.</summary>
		public byte[] ReconnectToken;
		/// <summary>Of both, and of a ping result: messages that were read.</summary>
		public int Received;
		/// <summary>Of a login result.</summary>
		public bool IsSuccess;
		public int PeerId;
		public int FastPort;
		public bool IsResumed;
		public int ResumeWindowMs;
		public int Lost;
		/// <summary>Of a datagram with several packets; 0: there are none.</summary>
		public int MergeBytes;
		/// <summary>Of the commands about groups.</summary>
		public int Group;
		public int[] Players;
	}
}
