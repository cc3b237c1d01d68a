namespace Ringcast.Realtime
{
	/// <summary>Codes with which a connection ends. 1000 to 1015 are RFC 6455's, the others the server's.</summary>
	public static class CloseCode
	{
		public const int Normal = 1000;
		public const int Protocol = 1002;
		public const int NotBinary = 1003;
		public const int None = 1005;
		public const int Abnormal = 1006;
		public const int BadUtf8 = 1007;
		public const int Oversize = 1009;
		public const int Shutdown = 3001;
		public const int Slow = 3008;
		public const int NoPong = 3012;
		public const int RateLimit = 3013;
		public const int LoginTimeout = 3014;
		public const int Idle = 3015;
		public const int Draining = 3016;
		public const int NoResources = 3017;
		public const int BadToken = 3500;
		public const int SessionEnded = 3502;
		public const int Kicked = 3503;
		public const int SessionFull = 3504;
		public const int Unhealthy = 3505;
		public const int Denied = 3507;
		public const int ScriptFailed = 3508;
		public const int ScriptLost = 3509;
		public const int ScriptShare = 3510;
		public const int Activation = 3511;
		public const int TakenOver = 3512;
	}
}
