namespace Ringcast.Realtime
{
	/// <summary>Numbers with a meaning, under the names that games know.</summary>
	public class Constants
	{
		public const int CLIENT_VERSION = 2;

		public const int PLAYER_ID_SERVER = -1;
		public const int PLAYER_ID_CLIENT_INTERNAL = -2;
		public const int NO_TARGET_PLAYER = 0;
		public const int GROUP_ID_ALL_PLAYERS = -1;
		public const int NO_TARGET_GROUP = 0;

		public const int NULL_OP_CODE = -99999;
		public const int LOGIN_OP_CODE = 0;
		public const int LOGIN_RESPONSE_OP_CODE = -1;
		public const int PING_RESULT_OP_CODE = -3;
		public const int UDP_CONNECT_OP_CODE = -5;
		public const int UDP_CONNECT_SERVER_ACK_OP_CODE = -6;
		public const int UDP_CONNECT_CLIENT_ACK_OP_CODE = -7;
		public const int PLAYER_READY_OP_CODE = -8;
		public const int JOIN_GROUP_OP_CODE = -10;
		public const int LEAVE_GROUP_OP_CODE = -11;
		public const int REQUEST_GROUP_MEMBERSHIP_OP_CODE = -12;
		public const int GROUP_MEMBERSHIP_UPDATE_OP_CODE = -13;
		public const int VERIFY_IDENTITY_OP_CODE = -14;
		public const int VERIFY_IDENTITY_RESPONSE_OP_CODE = -15;
		public const int PLAYER_CONNECT_OP_CODE = -101;
		public const int PLAYER_DISCONNECT_OP_CODE = -103;
		public const int GAME_START_OP_CODE = -1000;
		public const int GAME_END_OP_CODE = -1001;
	}
}
